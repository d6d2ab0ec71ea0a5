import { AppError } from "../../domain/errors.ts";
import type { Settings } from "../../domain/settings.ts";

/** Our own page that says how a consent ended. */
export const RESULT_PATH = "/connected";
const MAX_CHARACTERS = 2000;
/** A path of one leading slash: a second one, or a backslash, would make browsers read a host. */
const PATH = /^\/(?![/\\])[\x21-\x7e]*$/;

/**
 * Where a browser goes when a consent has ended.
 *
 * @param raw A path (resolved against the first frontend) or a URL of an allowed origin; null = our own page.
 * @throws `invalid_request` for anything else: an open redirect hands codes to strangers.
 */
export function resolveReturnTo(settings: Pick<Settings, "frontendUrls" | "publicUrl">, raw: string | null): string {
  if (raw === null) return `${settings.publicUrl}${RESULT_PATH}`;
  const target = raw.length <= MAX_CHARACTERS ? readTarget(settings, raw) : null;
  if (target === null) throw new AppError("invalid_request", "return_to must be a path or a URL of an allowed origin.");
  return target;
}

function readTarget(settings: Pick<Settings, "frontendUrls" | "publicUrl">, raw: string): string | null {
  const frontend = settings.frontendUrls[0] ?? settings.publicUrl;
  if (raw.startsWith("/")) return PATH.test(raw) && !raw.includes("\\") ? new URL(raw, frontend).href : null;
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(raw) || raw.includes("\\") || !URL.canParse(raw)) return null;
  const url = new URL(raw);
  const isAllowed = [...settings.frontendUrls, new URL(settings.publicUrl).origin].includes(url.origin);
  return isAllowed && url.username === "" && url.password === "" ? url.href : null;
}

/** The return address with the consent's result in its query. */
export function withResult(returnTo: string, result: Readonly<Record<string, string>>): string {
  const url = new URL(returnTo);
  for (const [name, value] of Object.entries(result)) url.searchParams.set(name, value);
  return url.href;
}
