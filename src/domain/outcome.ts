import { AppError, type ErrorCode, isAppError } from "./errors.ts";

/**
 * What a Durable Object answers: a value, or an expected refusal as data.
 * Errors thrown across Durable Object RPC lose their class and are logged as uncaught, so refusals travel like this.
 */
export type Outcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly retryAfterSeconds: number | null;
    };

/** Runs `work` and turns an {@link AppError} into data. Bugs are thrown on. */
export async function toOutcome<Value>(work: () => Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return {
      ok: false,
      code: error.code,
      message: error.message,
      retryAfterSeconds: error.retryAfterSeconds ?? null,
    };
  }
}

/** The value of an {@link Outcome}; throws its refusal as an {@link AppError}. */
export function requireValue<Value>(outcome: Outcome<Value>): Value {
  if (outcome.ok) return outcome.value;
  throw new AppError(outcome.code, outcome.message, { retryAfterSeconds: outcome.retryAfterSeconds ?? undefined });
}
