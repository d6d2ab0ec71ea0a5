import { entryOf } from "../../domain/call.ts";
import type { Connection } from "../../domain/connection.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import { readHandshakeId } from "../../domain/handshake.ts";
import type { HandshakeId } from "../../domain/ids.ts";
import type { Claim } from "../../domain/ports/handshakes.ts";
import { requireProvider } from "../connections/connect-account.ts";
import type { Caller } from "../record-deed.ts";
import { readAcquired } from "./acquired.ts";
import { connectGrant, type FinishDeps } from "./finish-consent.ts";
import { starterOf } from "./start-consent.ts";

/**
 * Connects what a consent in mode `verify` brought, for the very caller that started it.
 *
 * @throws `not_found` for anyone else, who thereby spends the code, and for a spent or expired one; `vault_unavailable`
 *         or `database_unavailable`: the code is good for another try, unless they went away in this very moment.
 */
export async function completeConsent(deps: FinishDeps, caller: Caller, connectCode: string): Promise<Connection> {
  const id = readHandshakeId(connectCode);
  if (id === null) throw new AppError("not_found", "There is nothing to complete by that code.");
  // The stores are asked first: a code that cannot be kept is better not spent.
  await Promise.all([deps.secrets.check(), deps.connections.check()]);
  const { handshake, acquired: held } = await claimHeld(deps, caller, id, connectCode);
  const acquired = readAcquired(held);
  if (acquired === null) throw new AppError("not_found", "There is nothing to complete by that code.");
  const provider = requireProvider(deps, handshake.provider);
  const origin = { ip: caller.ip, requestId: caller.requestId };
  const storing = await connectGrant(deps, provider, handshake, acquired, origin);
  if (storing.kind === "stored") return storing.stored.connection;
  throw storing.error;
}

async function claimHeld(deps: FinishDeps, caller: Caller, id: HandshakeId, connectCode: string): Promise<Claim> {
  const { principal } = caller;
  // Asked before: whoever else claims it spends the code, and then it is forgotten.
  const starter = await deps.handshakes.findStarter(id);
  try {
    return await deps.handshakes.claim(id, await deps.sha256(connectCode), starterOf(principal));
  } catch (error) {
    // Whose consent it was is told: the code may have been stolen.
    const refused = entryOf("oauth.failed", principal, { type: "provider", id: null }, caller, {
      reason: isAppError(error) ? error.code : "internal",
    });
    await deps.audit.record(starter?.workspaceId ?? principal.workspaceId, { ...refused, outcome: "failure" });
    throw error;
  }
}
