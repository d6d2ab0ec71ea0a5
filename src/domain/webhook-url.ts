import { AppError } from "./errors.ts";
import { requirePublicUrl } from "./public-url.ts";

/** What the deployment knows about itself. */
export interface WebhookUrlOptions {
  /** Our own address: never a target. */
  readonly publicUrl: string;
  /** This very machine may be told, over plain http; never in production. */
  readonly allowLoopback: boolean;
}

const MAX_CHARACTERS = 2048;
const LOOPBACK = /^https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?(?:[/?]|$)/;

/**
 * An address that may be told of events: https on a public DNS name, as for every address a person gives us, or this
 * very machine where the operator allowed it.
 *
 * @throws `invalid_request` with a sentence saying what is wrong.
 */
export function requireWebhookUrl(raw: string, { publicUrl, allowLoopback }: WebhookUrlOptions): URL {
  const own = new URL(publicUrl);
  const url = allowLoopback ? readLoopbackUrl(raw) : null;
  if (url === null) return requirePublicUrl(raw, { ownHosts: [own.hostname] });
  const isOwn = LOOPBACK.test(publicUrl) && url.port === own.port;
  if (isOwn) throw new AppError("invalid_request", "The address must not be our own.");
  return url;
}

/** Matched as it was written: no other spelling of these addresses is one of them. */
function readLoopbackUrl(raw: string): URL | null {
  if (raw.length > MAX_CHARACTERS || !LOOPBACK.test(raw) || /[\s\\\u0000-\u001f\u007f]/.test(raw)) return null;
  const url = URL.parse(raw);
  return url === null || url.username !== "" || url.password !== "" ? null : url;
}
