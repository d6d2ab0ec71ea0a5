import type { Reply } from "./talk.ts";

/** The same reply. @throws Error in one sentence when it has another status. */
export function expectStatus(reply: Reply, status: number): Reply {
  if (reply.status === status) return reply;
  throw new Error(`That should have answered ${status}, and it answered ${reply.status}.`);
}

/** A text of the answer. @throws Error when it has none of that name. */
export function readText({ body }: Reply, name: string): string {
  const value = body[name];
  if (typeof value !== "string") throw new Error(`The answer has no ${name}.`);
  return value;
}
