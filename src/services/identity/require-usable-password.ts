import { AppError } from "../../domain/errors.ts";
import { findPasswordProblem } from "../../domain/password-rules.ts";

/**
 * Lets a new password pass, before any time is spent on hashing it.
 *
 * @param field The body's name for it.
 * @throws `invalid_request`, saying what is wrong with it.
 */
export function requireUsablePassword(password: string, field: string): void {
  const problem = findPasswordProblem(password);
  if (problem !== null) {
    throw new AppError("invalid_request", problem, { details: [{ path: field, message: problem }] });
  }
}
