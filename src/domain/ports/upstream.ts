/** Bounds of one upstream call. */
export interface UpstreamOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** The largest answer, for calls to a vendor's own host that are known to be larger. Default 65,536. */
  readonly maxBytes?: number;
}

/**
 * Sends a request to a provider and buffers its answer.
 *
 * Redirects are returned, not followed; a larger answer is refused; the target must be https on a public DNS name.
 *
 * @throws `provider_unavailable` when there is no complete answer; `invalid_request` when the target is not allowed.
 */
export type SendUpstream = (request: Request, options?: UpstreamOptions) => Promise<Response>;

/** A request to be sent on while it is still arriving. */
export interface StreamedRequest {
  readonly method: string;
  /** `https://…`; what follows the host is sent as it is. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
  /** What `Content-Length` said of a streamed body; null = not known. */
  readonly bodyBytes: number | null;
}

/**
 * Sends a request to a provider and answers as soon as the answer's head is there; bodies stream, of any length.
 *
 * Redirects are returned, not followed; the target must be https on a public DNS name. The provider has 30 seconds to
 * begin its answer, counted from the last of the body that went out.
 *
 * @throws `provider_unavailable` when no answer begins; `invalid_request` when the target is not allowed.
 */
export type StreamUpstream = (request: StreamedRequest) => Promise<Response>;
