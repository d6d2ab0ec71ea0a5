import { AppError, isAppError } from "../../domain/errors.ts";
import { orAbort } from "../../domain/or-abort.ts";
import type { StreamedRequest, StreamUpstream } from "../../domain/ports/upstream.ts";
import type { UpstreamSettings } from "../http.ts";
import { findTarget } from "./find-target.ts";

const HEAD_TIMEOUT_MS = 30_000;
/** What `Response` can be built with; a provider that answers anything else has not answered. */
const MIN_STATUS = 200;
const MAX_STATUS = 599;

/** The way out for requests that are passed on, with the same guard as every other, and nothing buffered. */
export function createUpstreamStream(settings: UpstreamSettings, headTimeoutMs = HEAD_TIMEOUT_MS): StreamUpstream {
  return async (request) => {
    const target = findTarget(request.url, settings);
    const deadline = createDeadline(headTimeoutMs);
    try {
      const answer = await orAbort(settings.fetch(target, toInit(request, deadline)), deadline.signal);
      if (answer.status < MIN_STATUS || answer.status > MAX_STATUS) throw new RangeError("not a status");
      return answer;
    } catch (error) {
      if (isAppError(error)) throw error;
      // The cause may quote the URL or the answer: it ends here.
      throw new AppError(
        "provider_unavailable",
        deadline.signal.aborted ? "The provider took too long to answer." : "The provider could not be reached.",
      );
    } finally {
      deadline.stop();
    }
  };
}

function toInit(request: StreamedRequest, deadline: Deadline): RequestInit {
  const { method, headers, body, bodyBytes } = request;
  // "error" throws in workerd, "follow" would carry the credential to a host nobody checked.
  const init = { method, headers, redirect: "manual", signal: deadline.signal } as const;
  if (!(body instanceof ReadableStream)) return { ...init, body };
  // The deadline is pushed back by every piece that goes out: a long upload is not a slow provider.
  const watched = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        deadline.restart();
        controller.enqueue(chunk);
      },
    }),
  );
  return { ...init, body: bodyBytes === null ? watched : watched.pipeThrough(new FixedLengthStream(bodyBytes)) };
}

interface Deadline {
  readonly signal: AbortSignal;
  restart(): void;
  stop(): void;
}

/** Unlike `AbortSignal.timeout` it can be stopped: an answer that has begun may take as long as it likes. */
function createDeadline(milliseconds: number): Deadline {
  const controller = new AbortController();
  const begin = () => setTimeout(() => controller.abort(), milliseconds);
  let timer = begin();
  return {
    signal: controller.signal,
    restart: () => {
      clearTimeout(timer);
      timer = begin();
    },
    stop: () => clearTimeout(timer),
  };
}
