import { type JsonObject, parseJsonObject } from "../../domain/json.ts";
import { orAbort } from "../../domain/or-abort.ts";

/** What every call to the store needs. Time and chance are arguments, so that tests own them. */
export interface VaultConnection {
  /** The public fetch, or that of a binding (`VAULT`): both take a `Request`. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Origin, e.g. `https://vault.example.com:8200`. */
  readonly address: string;
  /** Sent as `X-Vault-Namespace`; null leaves it out. */
  readonly namespace: string | null;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** One call of Vault's HTTP API. */
export interface VaultCall {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the address and already escaped, e.g. `/v1/aurora/data/users/x`. */
  readonly path: string;
  readonly body?: JsonObject | undefined;
  /** How long the answer may be; 1 MiB unless told. */
  readonly maxBytes?: number | undefined;
  /** A refusal of our login (403) is an answer to this call, since not every policy allows it. */
  readonly mayBeRefused?: boolean | undefined;
}

/** An answer that came from Vault itself and decides the matter. */
export interface VaultAnswer {
  readonly status: number;
  /** Empty for 204. */
  readonly body: JsonObject;
  /** An earlier try was sent and its answer lost: what it asked for may already have happened. */
  readonly repeated: boolean;
}

/** Secrets are a few KiB and a listing of versions less; more than this is not Vault. */
const MAX_BODY_BYTES = 1_048_576;
/** A node that cannot answer now: behind its leader (412), over quota or standby (429), replication standby (472, 473). */
const TRY_ANOTHER_TIME: ReadonlySet<number> = new Set([412, 429, 472, 473]);

/**
 * Sends one call once.
 *
 * @param token Null for a login, which has none.
 * @returns the answer; null when there was none to rely on: no connection, time over, a redirect (a standby naming its
 *          leader), a node that is sealed or failing, a body that is too long, or one that is not JSON (a proxy's error page).
 * @see https://developer.hashicorp.com/vault/api-docs#http-status-codes
 */
export async function exchange(
  connection: VaultConnection,
  call: VaultCall,
  token: string | null,
  timeoutMs: number,
): Promise<Omit<VaultAnswer, "repeated"> | null> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    // A private binding need not heed the signal, and whoever waits is given up on time all the same.
    const request = createRequest(connection, call, token, deadline);
    return await orAbort(readAnswer(connection.fetch(request), call.maxBytes ?? MAX_BODY_BYTES), deadline);
  } catch {
    // What is lost is the reason (refused, reset, timed out): its text may name the address, and the remedy is the same.
    return null;
  }
}

async function readAnswer(answer: Promise<Response>, maxBytes: number): Promise<Omit<VaultAnswer, "repeated"> | null> {
  const response = await answer;
  if (!isDecisive(response.status)) {
    await response.body?.cancel();
    return null;
  }
  const text = await readText(response, maxBytes);
  const body = response.status === 204 ? {} : parseJsonObject(text ?? "");
  return body && { status: response.status, body };
}

function isDecisive(status: number): boolean {
  if (TRY_ANOTHER_TIME.has(status)) return false;
  return (status >= 200 && status < 300) || (status >= 400 && status < 500);
}

function createRequest(
  connection: VaultConnection,
  call: VaultCall,
  token: string | null,
  signal: AbortSignal,
): Request {
  const headers = new Headers({ accept: "application/json", "x-vault-request": "true" });
  if (token !== null) headers.set("x-vault-token", token);
  if (connection.namespace !== null) headers.set("x-vault-namespace", connection.namespace);
  if (call.body) headers.set("content-type", "application/json");
  return new Request(`${connection.address.replace(/\/+$/, "")}${call.path}`, {
    method: call.method,
    headers,
    body: call.body ? JSON.stringify(call.body) : null,
    // Following one would send the token to whatever host the answer names.
    redirect: "manual",
    signal,
  });
}

/** The body as text; null when it is longer than `maxBytes`. */
async function readText(response: Response, maxBytes: number): Promise<string | null> {
  if (!response.body) return "";
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let text = "";
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}
