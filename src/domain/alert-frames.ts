import { z } from "zod";
import type { ChainedEvent } from "./audit-chain.ts";
import { AUDIT_ACTIONS, type AuditAction } from "./audit-event.ts";
import { type JsonObject, parseJsonObject } from "./json.ts";
import type { Limit } from "./limits.ts";

/** Why we close a socket. @see https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
export const CLOSE_CODE = { binary: 1003, refused: 1008, tooBig: 1009, tryAgain: 1013 } as const;
export type CloseCode = (typeof CLOSE_CODE)[keyof typeof CLOSE_CODE];

/** Never on the wire: a close that had no code, and an end without a close. @see https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
export const NO_CLOSE = { noStatus: 1005, broken: 1006 } as const;

/** The largest frame a client may send, as any body. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** The answer to a ping. */
export const PONG = JSON.stringify({ type: "pong" });

/** An event as it goes over a socket. */
export interface EventFrame {
  readonly seq: number;
  readonly action: unknown;
  /** JSON: `type: "event"` and the fields the list of events shows. */
  readonly text: string;
  /** Of `text` in UTF-8. */
  readonly bytes: number;
}

/** The frame of an event that was recorded. */
export function toEventFrame({ seq, text, hash }: ChainedEvent): EventFrame {
  const event: JsonObject = parseJsonObject(text) ?? {};
  const frame = JSON.stringify({ type: "event", ...event, hash });
  return { seq, action: event["action"], text: frame, bytes: countBytes(frame) };
}

/** What a client may say. No actions = every action. */
export type ClientFrame =
  | { readonly type: "ping" }
  | { readonly type: "filter"; readonly actions: readonly AuditAction[] };

const ClientFrameSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("filter"), actions: z.array(z.enum(AUDIT_ACTIONS)).transform(listOnce) }),
]);

/** A filter is kept in a socket's attachment, which has room for every action once. */
function listOnce(actions: readonly AuditAction[]): readonly AuditAction[] {
  return [...new Set(actions)];
}

/** What a client said; null when it is nothing a client can say. */
export function parseClientFrame(text: string): ClientFrame | null {
  return ClientFrameSchema.safeParse(parseJsonObject(text)).data ?? null;
}

/** The answer to what {@link parseClientFrame} does not know. It repeats nothing of what was sent. */
export const UNKNOWN_FRAME = JSON.stringify({
  type: "error",
  code: "invalid_request",
  error: 'Send {"type":"ping"} or {"type":"filter","actions":[…]} with actions of the audit log.',
});

/** True for a text frame that is larger than a client may send. */
export function isTooBig(text: string): boolean {
  return text.length > MAX_FRAME_BYTES || countBytes(text) > MAX_FRAME_BYTES;
}

/**
 * Counts one more frame of a client.
 *
 * @param times When its frames of the last window came, in ms since 1970.
 * @returns     The times to remember; null when it is one frame too many.
 */
export function countFrame(times: readonly number[], nowMs: number, limit: Limit): readonly number[] | null {
  const recent = times.filter((time) => time > nowMs - limit.windowSeconds * 1000);
  return recent.length < limit.limit ? [...recent, nowMs] : null;
}

function countBytes(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
