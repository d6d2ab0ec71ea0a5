import { createHash } from "node:crypto";
import { type Answer, json } from "../wire.ts";

/** An error as Tailscale words it. */
export function refuse(status: number, message: string): Answer {
  return json(status, { message });
}

/** The version of a policy file, as its ETag. */
export function etagOf(text: string): string {
  return `"${createHash("sha256").update(text).digest("hex")}"`;
}
