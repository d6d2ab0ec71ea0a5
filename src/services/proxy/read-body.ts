import { AppError } from "../../domain/errors.ts";

/** A body that can be sent a second time, or one that is on its way. */
export interface ProxyBody {
  readonly content: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
  /** What `Content-Length` said; null = not known. */
  readonly bytes: number | null;
}

/** A body of at most this size is held, so that the call can be repeated. */
const MAX_HELD_BYTES = 64 * 1024;
/** An isolate has 128 MB for all its calls; the largest body AWS's listed JSON APIs take is 1 MiB and a little. */
const MAX_SIGNED_BYTES = 4 * 1024 * 1024;

/**
 * Holds a body that is small, or has to be signed; anything else goes through as it comes.
 *
 * @param mustBeWhole The credential signs it.
 * @throws `payload_too_large` when it must be whole and is too large to be held.
 */
export async function readBody({ content, bytes }: ProxyBody, mustBeWhole: boolean): Promise<ProxyBody> {
  if (!(content instanceof ReadableStream)) return { content, bytes };
  if (mustBeWhole) return { content: await readWhole(content, bytes), bytes: null };
  if (bytes === null || bytes > MAX_HELD_BYTES) return { content, bytes };
  return { content: orNothing(new Uint8Array(await new Response(content).arrayBuffer())), bytes: null };
}

async function readWhole(
  stream: ReadableStream<Uint8Array>,
  bytes: number | null,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (bytes !== null && bytes > MAX_SIGNED_BYTES) throw tooLarge();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.byteLength;
    if (length > MAX_SIGNED_BYTES) throw tooLarge();
    chunks.push(new Uint8Array(chunk));
  }
  return orNothing(new Uint8Array(await new Blob(chunks).arrayBuffer()));
}

function orNothing(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
  return bytes.byteLength === 0 ? null : bytes;
}

function tooLarge(): AppError {
  return new AppError("payload_too_large", "A body that has to be signed may have 4 MiB; only S3 takes longer ones.");
}
