import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { AppError, type ErrorCode, isAppError } from "../domain/errors.ts";
import type { Deps } from "../services/deps.ts";
import type { AppEnv } from "./app-env.ts";

/** The one mapping of codes to statuses; a code without a status does not compile. */
export const HTTP_STATUS = {
  invalid_request: 400,
  unauthenticated: 401,
  invalid_credentials: 401,
  forbidden: 403,
  registration_closed: 403,
  not_found: 404,
  conflict: 409,
  reauth_required: 409,
  payload_too_large: 413,
  rate_limited: 429,
  provider_rejected: 502,
  provider_unavailable: 502,
  vault_unavailable: 503,
  database_unavailable: 503,
  misconfigured: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, ContentfulStatusCode>;

/** Renders any failure as our error body; what is not expected becomes a plain `internal`. */
export function renderError(error: unknown, c: Context<AppEnv>): Response {
  const refusal = toAppError(error);
  if (refusal.code === "internal") logBug(error, c);
  if (refusal.retryAfterSeconds !== undefined) c.header("Retry-After", String(Math.ceil(refusal.retryAfterSeconds)));
  if (refusal.code === "unauthenticated") c.header("WWW-Authenticate", "Bearer");
  const { code, message, details } = refusal;
  const { renderRefusal, requestId } = c.var;
  // A person at a browser reads a refusal as a page; everything else gets the error body.
  const wantsPage = (c.req.header("accept") ?? "").includes("text/html");
  if (wantsPage && renderRefusal) return renderRefusal(refusal, HTTP_STATUS[code]);
  const body = { error: message, code, request_id: requestId, ...(details && { details }) };
  return c.json(body, HTTP_STATUS[code]);
}

/** Nothing is mounted there. */
export function renderNotFound(c: Context<AppEnv>): Response {
  return renderError(new AppError("not_found", "There is nothing here."), c);
}

function toAppError(error: unknown): AppError {
  if (isAppError(error)) return error;
  // The framework's own refusals: malformed JSON and content types, which the contract counts as a wrong shape.
  if (error instanceof HTTPException && error.status < 500) {
    return new AppError("invalid_request", "The request body could not be read.");
  }
  return new AppError("internal", "Something went wrong here; quote the request id.");
}

/** The name and place of a bug, not its message: a message can quote what it choked on. */
function logBug(error: unknown, c: Context<AppEnv>): void {
  const { name, stack } = error instanceof Error ? error : { name: typeof error, stack: "" };
  const place = (stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  // Building them may be what failed.
  const deps: Pick<Deps, "log"> | undefined = c.var.deps;
  deps?.log.error("unexpected error", { name, place, request_id: c.var.requestId });
}
