import { AppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";

/** The errors of a provider that says no in a 200: `{"ok": false, "error": "<its own code>"}`. */
export interface BodyErrors {
  /** The provider as a person knows it. */
  readonly name: string;
  /** Its codes, as the standard ones of OAuth that they mean. */
  readonly meanings: Readonly<Record<string, string>>;
  /** What is said of a code, safe to show; of any other that the request was refused. */
  readonly sentences: Readonly<Record<string, string>>;
}

/** `{code: meaning}` for each of the codes. */
export function allMean(meaning: string, codes: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(codes.map((code) => [code, meaning]));
}

/** The provider's own code in an answer that is not `ok`, `""` when it names none; null when all is well. */
export function readBodyError(answer: JsonObject): string | null {
  return answer["ok"] === true ? null : (readText(answer, "error") ?? "");
}

/** What an error in a body is here: `provider_unavailable` for one that passes, else `provider_rejected`. */
export function describeBodyError({ name, meanings, sentences }: BodyErrors, code: string): AppError {
  if (readText(meanings, code) === "temporarily_unavailable") {
    return new AppError("provider_unavailable", `${name} gave no usable answer.`);
  }
  return new AppError("provider_rejected", readText(sentences, code) ?? `${name} refused the request.`);
}
