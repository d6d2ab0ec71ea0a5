/** Every way a request can be refused. A caller branches on the code, never on the message. */
export const ERROR_CODES = [
  "invalid_request",
  "unauthenticated",
  "invalid_credentials",
  "forbidden",
  "registration_closed",
  "not_found",
  "conflict",
  "reauth_required",
  "payload_too_large",
  "rate_limited",
  "provider_rejected",
  "provider_unavailable",
  "vault_unavailable",
  "database_unavailable",
  "misconfigured",
  "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** One thing wrong with a request body: where (dotted path) and what, in words. */
export interface ErrorDetail {
  readonly path: string;
  readonly message: string;
}

interface AppErrorOptions {
  /** Seconds after which the same call may work. Rendered as `Retry-After`. */
  readonly retryAfterSeconds?: number | undefined;
  readonly details?: readonly ErrorDetail[] | undefined;
}

/** An expected failure. Callers see `message`, so it never holds a secret, a path or an upstream body. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly details: readonly ErrorDetail[] | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message);
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.details = options.details;
  }
}

/** Recognises an {@link AppError}, also one that crossed Durable Object RPC and lost its class. */
export function isAppError(error: unknown): error is AppError {
  return error instanceof Error && error.name === "AppError" && "code" in error;
}
