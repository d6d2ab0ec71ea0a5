import { bindingOf, type Connection } from "../../domain/connection.ts";
import { isAppError } from "../../domain/errors.ts";
import { isDue, REFRESH_MARGIN_SECONDS } from "../../domain/freshness.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../record-deed.ts";
import { countRead, type ReadDeps, readTokenOf, type TokenAnswer } from "./read-token.ts";
import { requireAlive } from "./require-alive.ts";
import { requireConnection } from "./require-connection.ts";

/**
 * Refreshes a connection the caller may see, when it is due or `force` asks.
 *
 * @throws as `Keepers.refresh`; `not_found`. A key-style connection answers what it has, `refreshed: false`.
 */
export async function refreshToken(
  deps: Pick<Deps, "audit" | "connections" | "hotCredentials" | "keepers" | "now">,
  caller: Caller,
  id: ConnectionId,
  force: boolean,
): Promise<TokenAnswer> {
  const connection = await requireConnection(deps, caller.principal, id);
  requireAlive(deps, connection);
  const answer = await askKeeper(deps, connection, force);
  await countRead(deps, caller, connection);
  return answer;
}

/**
 * The same that {@link readTokenOf} answers, with at least five minutes left where the provider gives that much: what
 * lives shorter is asked for each time.
 *
 * @throws as `readTokenOf`.
 */
export async function readLastingToken(deps: ReadDeps, caller: Caller, connection: Connection): Promise<TokenAnswer> {
  const answer = await readTokenOf(deps, caller, connection);
  if (answer.refreshed || !couldLastLonger(deps, answer)) return answer;
  try {
    return await askKeeper(deps, connection, true);
  } catch (error) {
    if (!isAppError(error) || error.code === "reauth_required" || error.code === "not_found") throw error;
    // What there is still works.
    return answer;
  }
}

/** True when it ends within five minutes and was not due: the keeper has been asked for what is due. */
function couldLastLonger(deps: Pick<Deps, "now" | "providers">, { connection, credential }: TokenAnswer): boolean {
  const now = deps.now();
  if (credential.expiresAt === null || isDue(credential, now)) return false;
  const isRefreshable = deps.providers.find(connection.provider)?.refresh != null;
  return isRefreshable && credential.expiresAt - now < REFRESH_MARGIN_SECONDS;
}

async function askKeeper(
  deps: Pick<Deps, "hotCredentials" | "keepers">,
  connection: Connection,
  force: boolean,
): Promise<TokenAnswer> {
  let isAsKnown = false;
  try {
    const { credential, refreshed } = await deps.keepers.refresh(bindingOf(connection), { force });
    isAsKnown = !refreshed;
    return { connection, credential, refreshed };
  } finally {
    // After a refusal as well: what this isolate repeats may be what the provider has just ended.
    if (!isAsKnown) deps.hotCredentials.forget(connection.id);
  }
}
