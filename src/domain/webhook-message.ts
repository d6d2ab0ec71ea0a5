import { z } from "zod";
import { isJsonObject, type JsonObject } from "./json.ts";
import { WEBHOOK_EVENTS } from "./webhook.ts";

/** An event as it is sent, whoever asked for it. */
export interface WebhookMessage {
  /** The number of the audit event. */
  readonly seq: number;
  readonly event: string;
  /** JSON: `{type, timestamp, data}`. */
  readonly payload: string;
}

/** The little of an audit event that is sent. */
const SentSchema = z.object({
  action: z.enum(WEBHOOK_EVENTS),
  outcome: z.string(),
  seq: z.int(),
  at: z.string(),
  actor: z.unknown(),
  resource: z.unknown(),
  detail: z.unknown(),
});

/**
 * The message for an event of a workspace's audit log; null when it is none that is sent.
 *
 * @param text The JSON text that was chained.
 */
export function readWebhookMessage(workspaceId: string, text: string): WebhookMessage | null {
  const parsed = SentSchema.safeParse(JSON.parse(text));
  if (!parsed.success) return null;
  const { action, outcome, seq, at, actor, resource, detail } = parsed.data;
  // Recorded beside the disconnect when the provider could not be told: the connection ended once.
  if (action === "connection.disconnected" && outcome !== "success") return null;
  const facts = { actor: keepSafe(actor), resource: keepSafe(resource), detail: keepSafe(detail) };
  const data = { workspace_id: workspaceId, seq, ...facts };
  return { seq, event: action, payload: JSON.stringify({ type: action, timestamp: at, data }) };
}

/** Ids, codes and names of permissions. No email (`@`), no path (`/`), no sentence. */
const SAFE_TEXT = /^[A-Za-z0-9_.:-]{1,64}$/;
/** A network a key was used from: `192.0.2.0/24`. */
const NETWORK = /^[0-9a-f.:]{2,39}\/\d{1,3}$/;
const MAX_DEPTH = 3;

/** What of a value a receiver may see, by its shape: whatever an event comes to hold, a name or a path is not sent. */
function keepSafe(value: unknown, depth = 0): unknown {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "string") return SAFE_TEXT.test(value) || NETWORK.test(value) ? value : undefined;
  if (depth >= MAX_DEPTH) return undefined;
  if (Array.isArray(value))
    return value.map((member) => keepSafe(member, depth + 1)).filter((one) => one !== undefined);
  return isJsonObject(value) ? keepSafeMembers(value, depth) : undefined;
}

function keepSafeMembers(object: JsonObject, depth: number): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, keepSafe(value, depth + 1)]));
}
