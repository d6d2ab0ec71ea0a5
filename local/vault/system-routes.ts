import type { JsonObject } from "../../src/domain/json.ts";
import {
  type Reply,
  replyAuth,
  replyData,
  replyDenied,
  replyErrors,
  replyNothing,
  replyUnsupported,
} from "./replies.ts";
import { DEFAULT_MOUNT_CONFIG } from "./secret-record.ts";
import { describeIssued, describeToken, type TokenRecord } from "./tokens.ts";
import type { VaultRequest } from "./vault-request.ts";
import type { VaultState } from "./vault-state.ts";

/** What the server says it is: the version whose API it follows. */
const VERSION = "1.18.0";

/** What needs neither a token nor an unsealed server; null when the path is none of these. */
export function answerOpen(state: VaultState, request: VaultRequest): Reply | null {
  const path = request.segments?.join("/");
  if (path === "sys/health") {
    return ["GET", "HEAD"].includes(request.method) ? answerHealth(state, request) : replyErrors(405);
  }
  if (path === "sys/seal-status" && request.method === "GET") return answerSealStatus(state);
  if (path === "sys/unseal" && request.method === "POST") return answerUnseal(state, request.body ?? {});
  return null;
}

/** Logs in; null when the path is another. */
export function answerLogin(state: VaultState, request: VaultRequest): Reply | null {
  if (request.segments?.join("/") !== "auth/approle/login") return null;
  if (request.method !== "POST") return replyUnsupported();
  const { role_id: roleId, secret_id: secretId } = request.body ?? {};
  const token = state.tokens.login(roleId, secretId);
  return token ? replyAuth(describeIssued(token)) : replyErrors(400, "invalid role or secret ID");
}

/** What a token may do with itself and, if it is the root token, with the server; null when the path is neither. */
export function answerSystem(state: VaultState, request: VaultRequest, token: TokenRecord): Reply | null {
  const [area, ...rest] = request.segments ?? [];
  const path = rest.join("/");
  if (area === "auth") return answerToken(state, `${request.method} ${path}`, token);
  if (area !== "sys") return null;
  if (!token.isRoot) return replyDenied();
  if (path === "mounts" && request.method === "GET") return answerMounts(state);
  if (rest[0] === "mounts" && rest[1]) return answerMount(state, request, rest.slice(1).join("/"));
  if (path !== "seal") return replyErrors(404, "unsupported path");
  if (request.method !== "POST") return replyErrors(405);
  state.sealed = true;
  return replyNothing();
}

/** @see https://developer.hashicorp.com/vault/api-docs/system/health */
function answerHealth(state: VaultState, request: VaultRequest): Reply {
  const name = state.sealed ? "sealedcode" : "activecode";
  const usual = state.sealed ? 503 : 200;
  const status = Number(request.query.get(name) ?? usual);
  if (!(status >= 200 && status <= 599)) return replyErrors(400);
  const body = {
    initialized: true,
    sealed: state.sealed,
    standby: false,
    performance_standby: false,
    replication_performance_mode: "disabled",
    replication_dr_mode: "disabled",
    server_time_utc: Math.floor(Date.now() / 1000),
    version: VERSION,
  };
  return { status, body: request.method === "HEAD" ? null : body };
}

function answerSealStatus({ sealed }: VaultState): Reply {
  const shares = { t: 1, n: 1, progress: 0, nonce: "" };
  return { status: 200, body: { type: "shamir", initialized: true, sealed, ...shares, version: VERSION } };
}

function answerUnseal(state: VaultState, body: JsonObject): Reply {
  if (typeof body["key"] !== "string" || body["key"] === "") {
    return replyErrors(400, "'key' must be specified in request body as JSON, or 'reset' set to true");
  }
  if (body["key"] !== state.unsealKey) return replyErrors(400, "invalid key");
  state.sealed = false;
  return answerSealStatus(state);
}

function answerToken(state: VaultState, call: string, token: TokenRecord): Reply {
  switch (call) {
    case "GET token/lookup-self":
    case "POST token/lookup-self":
      return replyData(describeToken(token, Date.now()));
    case "POST token/renew-self": {
      const renewed = state.tokens.renew(token);
      return renewed ? replyAuth(describeIssued(renewed)) : replyErrors(400, "lease is not renewable");
    }
    case "POST token/revoke-self":
      state.tokens.revoke(token);
      return replyNothing();
    default:
      return replyErrors(404, "unsupported path");
  }
}

function answerMounts(state: VaultState): Reply {
  const mount = { type: "kv", description: "", options: { version: "2" } };
  const mounts = Object.fromEntries(state.secrets.mounts().map((name) => [`${name}/`, mount]));
  const { status, body } = replyData(mounts);
  // Vault tells them twice: beside the envelope for old clients, in `data` for new ones.
  return { status, body: { ...body, ...mounts } };
}

/** Makes and removes KV version 2 mounts: enough for a test that brings its own. */
function answerMount(state: VaultState, { method }: VaultRequest, name: string): Reply {
  const isMounted = state.secrets.readMount(name) !== null;
  if (method === "DELETE") {
    if (isMounted) state.secrets.removeMount(name);
    return replyNothing();
  }
  if (method !== "POST") return replyUnsupported();
  if (isMounted) return replyErrors(400, `path is already in use at ${name}/`);
  state.secrets.writeMount(name, DEFAULT_MOUNT_CONFIG);
  return replyNothing();
}
