import type { Faults } from "../faults.ts";
import type { CallLog } from "./call-log.ts";
import { type Reply, replyErrors, replyNothing } from "./replies.ts";
import type { VaultRequest } from "./vault-request.ts";
import type { VaultState } from "./vault-state.ts";

/** A server and what it can be told. */
export interface Controlled {
  readonly state: VaultState;
  readonly calls: CallLog;
  readonly faults: Faults;
}

/**
 * Answers what tests and demonstrations steer the server with; null when the path is none of these.
 *
 * `POST /_faults` see local/faults.ts, with `endpoint` `api`, `token` (logins) or `revoke` (deletes) · `GET /_calls` · `POST /_tokens {ttl_seconds}` the life of tokens issued next ·
 * `POST /_expire` forgets every AppRole token · `POST /_seal`, `POST /_unseal` ·
 * `POST /_reset` back to how it started, secrets excepted: references elsewhere still point at them.
 */
export function answerControl(server: Controlled, request: VaultRequest): Reply | null {
  const { state, calls, faults } = server;
  switch (`${request.method} ${request.path}`) {
    case "GET /_calls":
      return { status: 200, body: { calls: calls.list() } };
    case "POST /_faults":
      return addFault(faults, request.body);
    case "POST /_tokens":
      return setTtl(state, request.body?.["ttl_seconds"]);
    case "POST /_expire":
      state.tokens.expireAll();
      return replyNothing();
    case "POST /_seal":
    case "POST /_unseal":
      state.sealed = request.path === "/_seal";
      return replyNothing();
    case "POST /_reset":
      faults.clear();
      calls.clear();
      state.tokens.setTtlSeconds(null);
      state.sealed = false;
      return replyNothing();
    default:
      return request.path.startsWith("/_") ? replyErrors(404) : null;
  }
}

function addFault(faults: Faults, raw: unknown): Reply {
  try {
    faults.add(raw);
    return replyNothing();
  } catch (error) {
    return replyErrors(400, error instanceof Error ? error.message : "not a fault");
  }
}

function setTtl(state: VaultState, ttl: unknown): Reply {
  if (!(typeof ttl === "number" && Number.isInteger(ttl) && ttl > 0)) {
    return replyErrors(400, "ttl_seconds must be a whole number above 0");
  }
  state.tokens.setTtlSeconds(ttl);
  return replyNothing();
}
