/** Something a person can put right. `message` is one clear sentence, printed as it is. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** What went wrong, in the words of whoever threw it; never a stack trace. */
export function describeFailure(error: unknown): string {
  return error instanceof Error ? error.message.split("\n", 1).join("") : String(error);
}
