import { bindingOf, type Connection } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import { isDue } from "../../domain/freshness.ts";
import { readText } from "../../domain/json.ts";
import type { Credential } from "../../domain/token-data.ts";
import { type CallGoogle, type GoogleCall, sendGoogleCall } from "../../providers/google/call.ts";
import type { Deps } from "../deps.ts";

type SessionDeps = Pick<Deps, "keepers" | "now" | "send">;

/**
 * Calls Google as the connected account, with a credential its keeper gives: at the first call, whenever it is due,
 * and by force when Google does not accept it, once.
 *
 * @returns throws as `Keepers.refresh` and `sendGoogleCall`.
 */
export function openGoogleSession(deps: SessionDeps, connection: Connection): CallGoogle {
  let credential: Credential | null = null;

  async function renew(force: boolean): Promise<Credential> {
    credential = (await deps.keepers.refresh(bindingOf(connection), { force })).credential;
    return credential;
  }

  return async (call) => {
    const kept = credential === null || isDue(credential, deps.now()) ? await renew(false) : credential;
    const answer = await send(deps, call, kept);
    if (answer.status !== 401) return answer;
    return send(deps, call, await renew(true));
  };
}

/** Calls Google with one token for one purpose, which nobody renews. */
export function withToken({ now, send: sendUpstream }: Pick<Deps, "now" | "send">, token: string): CallGoogle {
  return (call) => sendGoogleCall(call, token, { send: sendUpstream, now: now() });
}

function send({ now, send: sendUpstream }: SessionDeps, call: GoogleCall, { tokenData }: Credential) {
  const token = readText(tokenData, "access_token");
  if (token === null) throw new AppError("reauth_required", "This connection has no access token.");
  return sendGoogleCall(call, token, { send: sendUpstream, now: now() });
}
