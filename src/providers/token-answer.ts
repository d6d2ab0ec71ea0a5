import { AppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import type { EpochSeconds } from "../domain/time.ts";
import { isTemporary, readExpiry, readJson, type Upstream, unavailable } from "./answers.ts";

/** A token endpoint's answer, believed. */
export interface TokenAnswer {
  readonly accessToken: string;
  /** As sent, but `Bearer` in one spelling; `Bearer` when absent. */
  readonly tokenType: string;
  /** Null when absent or empty: the old one stays. */
  readonly refreshToken: string | null;
  /** Null when the server named no lifetime, or none that makes sense. */
  readonly expiresAt: EpochSeconds | null;
  /** As sent; null when absent, which means as asked for (RFC 6749 section 5.1). */
  readonly scope: string | null;
}

/** What an OAuth error code means here; a code that is not named is `provider_rejected`. */
export type Verdicts = Readonly<
  Record<string, { readonly code: "reauth_required" | "provider_rejected"; readonly message: string }>
>;

/** The scopes in a text. @param separator A space by RFC 6749 section 3.3; some servers use commas. */
export function splitScopes(text: string, separator: string | RegExp = " "): readonly string[] {
  return text.split(separator).filter((scope) => scope !== "");
}

/**
 * Reads what a token endpoint answered. It believes as much as can be believed: a rotated refresh token beside a
 * senseless lifetime must not be lost (docs/decisions/reading-token-answers.md).
 *
 * @param verdicts What the server's error codes mean for this caller.
 * @throws the verdict; else `provider_rejected` for an OAuth error, `provider_unavailable` for anything unreadable.
 */
export async function readTokenAnswer(answer: Response, upstream: Upstream, verdicts: Verdicts): Promise<TokenAnswer> {
  if (isTemporary(answer.status)) throw unavailable(upstream, answer);
  const body = await readJson(answer);
  if (body === null) throw unavailable(upstream, answer);
  const error = readError(body, answer, upstream);
  if (error !== null) throw judge(error, answer, upstream, verdicts);
  if (answer.status >= 400) throw new AppError("provider_rejected", `${upstream.name} refused the request.`);
  const accessToken = readText(body, "access_token");
  if (!answer.ok || accessToken === null) throw unavailable(upstream, answer);
  return { accessToken, ...readRest(body, upstream.now) };
}

/** The standard code of the error; null when there is none, or none that a standard code is known for. */
function readError(body: JsonObject, { status }: Response, { errors = {} }: Upstream): string | null {
  // Some servers report an error with status 200.
  const sent = readText(body, "error");
  if (sent !== null) return (Object.hasOwn(errors, sent) ? errors[sent] : null) ?? sent;
  // Without a code of RFC 6749, 401 still says which of the two credentials it is about (section 5.2).
  return status === 401 ? "invalid_client" : null;
}

function readRest(body: JsonObject, now: EpochSeconds): Omit<TokenAnswer, "accessToken"> {
  const tokenType = readText(body, "token_type") ?? "Bearer";
  return {
    tokenType: tokenType.toLowerCase() === "bearer" ? "Bearer" : tokenType,
    refreshToken: readText(body, "refresh_token"),
    expiresAt: readExpiry(body["expires_in"], now),
    // Bitbucket wrote `scopes` until 2026.
    scope: readText(body, "scope") ?? readText(body, "scopes"),
  };
}

/** @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
function judge(error: string, answer: Response, upstream: Upstream, verdicts: Verdicts): AppError {
  if (["server_error", "temporarily_unavailable", "slow_down"].includes(error)) return unavailable(upstream, answer);
  const verdict = Object.hasOwn(verdicts, error) ? verdicts[error] : undefined;
  if (verdict) return new AppError(verdict.code, verdict.message);
  const client = ["invalid_client", "unauthorized_client"].includes(error);
  const what = client ? "does not accept the client id and secret it was called with" : "refused the request";
  return new AppError("provider_rejected", `${upstream.name} ${what}.`);
}
