import { randomUUID } from "node:crypto";
import type { JsonObject } from "../../src/domain/json.ts";

/** What the server answers; a null body is an empty one. */
export interface Reply {
  readonly status: number;
  readonly body: JsonObject | null;
}

/** 200 in Vault's envelope. */
export function replyData(data: JsonObject): Reply {
  return { status: 200, body: { ...createEnvelope(), data } };
}

/** 404 that still says what is known of a deleted or destroyed version. */
export function replyDeleted(data: JsonObject): Reply {
  return { status: 404, body: { ...createEnvelope(), data } };
}

/** 200 carrying a token. */
export function replyAuth(auth: JsonObject): Reply {
  return { status: 200, body: { ...createEnvelope(), auth } };
}

/** 204: done, nothing to say. */
export function replyNothing(): Reply {
  return { status: 204, body: null };
}

/** 404 for a path no endpoint of the engine has. */
export function replyNoEndpoint(): Reply {
  return { status: 404, body: { ...createEnvelope(), warnings: ["Invalid path for a versioned K/V secrets engine."] } };
}

/** 405 for a method the path does not take. */
export function replyUnsupported(): Reply {
  return replyErrors(405, asList("unsupported operation"));
}

/** 403 for a token that is valid and may not do this. */
export function replyDenied(): Reply {
  return replyErrors(403, asList("permission denied"));
}

/** A refusal in Vault's words; none for a 404 of a path that holds nothing. */
export function replyErrors(status: number, ...errors: readonly string[]): Reply {
  return { status, body: { errors } };
}

/** How Vault writes an error that came through its router. */
function asList(error: string): string {
  return `1 error occurred:\n\t* ${error}\n\n`;
}

function createEnvelope(): JsonObject {
  return {
    request_id: randomUUID(),
    lease_id: "",
    renewable: false,
    lease_duration: 0,
    data: null,
    wrap_info: null,
    warnings: null,
    auth: null,
  };
}
