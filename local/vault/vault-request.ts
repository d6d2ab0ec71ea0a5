import type { IncomingMessage } from "node:http";
import { type JsonObject, parseJsonObject } from "../../src/domain/json.ts";

/** A request as the routes see it. */
export interface VaultRequest {
  /** GET, POST (PUT too), DELETE, LIST (GET with `list=true` too), or what else was sent. */
  readonly method: string;
  /** The path as sent, without the query. */
  readonly path: string;
  /** Below `/v1`, unescaped. Null when one is `.` or `..`, or empty before the last, or not validly escaped. */
  readonly segments: readonly string[] | null;
  readonly query: URLSearchParams;
  /** Empty when none was sent. Null when it is not a JSON object. */
  readonly body: JsonObject | null;
  /** Empty when none was sent. */
  readonly token: string;
}

/** Vault's own default limit is 32 MiB; nothing here is near this one. */
const MAX_BODY_BYTES = 4_194_304;

/** Reads a request to its end. @throws Error when the body is over 4 MiB or the caller goes away. */
export async function readVaultRequest(message: IncomingMessage): Promise<VaultRequest> {
  const [path = "", query = ""] = (message.url ?? "").split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const text = await readText(message);
  const { authorization, "x-vault-token": token } = message.headers;
  return {
    method: normaliseMethod(message.method ?? "", parameters),
    path,
    segments: parseSegments(path),
    query: parameters,
    body: text === "" ? {} : parseJsonObject(text),
    token: String(token ?? authorization?.replace(/^Bearer /i, "") ?? ""),
  };
}

function normaliseMethod(method: string, query: URLSearchParams): string {
  if (method === "PUT") return "POST";
  return method === "GET" && query.get("list") === "true" ? "LIST" : method;
}

function parseSegments(path: string): readonly string[] | null {
  try {
    // Unescaped first, as Vault does: `%2f` separates too.
    const segments = decodeURIComponent(path.replace(/^\/v1\//, "")).split("/");
    const hasDots = segments.some((segment) => segment === "." || segment === "..");
    return hasDots || segments.slice(0, -1).includes("") ? null : segments;
  } catch {
    // Not validly escaped; the route refuses it.
    return null;
  }
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error("request body too large");
  }
  return Buffer.concat(chunks).toString("utf8");
}
