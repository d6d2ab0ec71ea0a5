import { isAppError } from "../domain/errors.ts";

/** What came of work whose failure must not fail the rest, or why nothing did. */
export type Attempt<Value> =
  | { readonly value: Value; readonly warning: null }
  | { readonly value: null; readonly warning: string };

/** @param consequence What is missing without it, for the end of the warning. */
export async function attempt<Value>(work: () => Promise<Value>, consequence: string): Promise<Attempt<Value>> {
  try {
    return { value: await work(), warning: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { value: null, warning: `${error.message.replace(/\.$/, "")}; ${consequence}.` };
  }
}
