import { isAppError } from "../../domain/errors.ts";
import { orAbort } from "../../domain/or-abort.ts";
import type { PostWebhook } from "../../domain/ports/webhooks.ts";
import { requireWebhookUrl } from "../../domain/webhook-url.ts";
import { rewriteForBrowser, type TargetSettings } from "./find-target.ts";

export interface WebhookPostSettings extends Pick<TargetSettings, "providerOrigins" | "publicUrl"> {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** See `requireWebhookUrl`; false in production. */
  readonly allowLoopback: boolean;
  /** Default 15,000. */
  readonly timeoutMs?: number;
}

/** The least the specification recommends: a receiver may have to wake up first. */
const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const USER_AGENT = "aurora-edge-webhooks";

/**
 * The way out to receivers. The address is guarded at every call, whatever it was when it was stored; a redirect is an
 * answer like any other; of a body 64 KiB are read and thrown away, so that the connection can be used again.
 */
export function createWebhookPost(settings: WebhookPostSettings): PostWebhook {
  return async (url, headers, body) => {
    const target = findTarget(url, settings);
    if (target === null) return { kind: "unanswered", reason: "refused" };
    const deadline = AbortSignal.timeout(settings.timeoutMs ?? TIMEOUT_MS);
    // "error" throws in workerd, "follow" would lead to a host nobody checked.
    const init = {
      method: "POST",
      headers: { ...headers, "user-agent": USER_AGENT },
      body,
      redirect: "manual",
    } as const;
    try {
      const answer = await orAbort(settings.fetch(target, { ...init, signal: deadline }), deadline);
      await discard(answer.body, deadline);
      return { kind: "answered", status: answer.status, retryAfter: answer.headers.get("retry-after") };
    } catch {
      // The cause may quote the address or the answer: it ends here.
      return { kind: "unanswered", reason: deadline.aborted ? "timeout" : "unreachable" };
    }
  };
}

function findTarget(raw: string, settings: WebhookPostSettings): string | null {
  const url = URL.parse(raw);
  if (url === null) return null;
  const rewritten = rewriteForBrowser(url, settings.providerOrigins);
  if (rewritten !== url) return rewritten.href;
  try {
    return requireWebhookUrl(raw, settings).href;
  } catch (error) {
    if (isAppError(error)) return null;
    throw error;
  }
}

/** What the receiver decided is in the status: a body that breaks off, or never ends, changes nothing of it. */
async function discard(body: ReadableStream<Uint8Array> | null, signal: AbortSignal): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  let bytes = 0;
  try {
    while (bytes < MAX_ANSWER_BYTES) {
      const { done, value } = await orAbort(reader.read(), signal);
      if (done) return;
      bytes += value.byteLength;
    }
  } catch {
    // Nothing of it is wanted.
  }
  reader.cancel().catch(() => {});
}
