import { AppError, isAppError } from "../domain/errors.ts";
import { orAbort } from "../domain/or-abort.ts";
import type { SendUpstream } from "../domain/ports/upstream.ts";
import { findTarget, type TargetSettings } from "./http/find-target.ts";
import { readAtMost } from "./http/read-at-most.ts";

export interface UpstreamSettings extends TargetSettings {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;
/** Some providers refuse a request that does not say who sends it. */
const USER_AGENT = "aurora-edge";
/** Statuses that `Response` takes no body for. */
const BODILESS_STATUSES = [204, 205, 304];
/** They describe the bytes as they came over the wire; the buffered answer is decoded and of known length. */
const WIRE_HEADERS = ["content-encoding", "content-length", "transfer-encoding"];

/**
 * The one way out to providers: where it may go, for how long, and how much it may bring back.
 *
 * Headers are sent as given, so a signature over the real URL stays what it was when the origin is played elsewhere.
 */
export function createUpstream(settings: UpstreamSettings): SendUpstream {
  return async (request, options = {}) => {
    const target = findTarget(request.url, settings);
    const deadline = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      return await exchange(settings.fetch, request, target, deadline, options.maxBytes ?? MAX_ANSWER_BYTES);
    } catch (error) {
      if (isAppError(error)) throw error;
      // The cause may quote the URL or the answer: it ends here.
      throw new AppError(
        "provider_unavailable",
        deadline.aborted ? "The provider took too long to answer." : "The provider could not be reached.",
      );
    }
  };
}

async function exchange(
  fetch: UpstreamSettings["fetch"],
  request: Request,
  target: string,
  signal: AbortSignal,
  maxBytes: number,
): Promise<Response> {
  const headers = new Headers(request.headers);
  if (!headers.has("user-agent")) headers.set("user-agent", USER_AGENT);
  const body = request.body === null ? null : await request.arrayBuffer();
  // "error" throws in workerd, "follow" would carry the credential to a host nobody checked.
  const init: RequestInit = { method: request.method, headers, body, redirect: "manual", signal };
  const answer = await orAbort(fetch(target, init), signal);
  const bytes = await readAtMost(answer.body, maxBytes, signal);
  const kept = new Headers(answer.headers);
  for (const name of WIRE_HEADERS) kept.delete(name);
  return new Response(BODILESS_STATUSES.includes(answer.status) ? null : bytes, {
    status: answer.status,
    headers: kept,
  });
}
