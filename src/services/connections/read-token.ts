import { entryOf } from "../../domain/call.ts";
import { bindingOf, type Connection } from "../../domain/connection.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import { isDue } from "../../domain/freshness.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { LabelsOf } from "../../domain/metric.ts";
import type { HotKey } from "../../domain/ports/credential-cache.ts";
import { principalKey } from "../../domain/principal.ts";
import { parseSecretRef } from "../../domain/secret-ref.ts";
import { type Credential, credentialOf } from "../../domain/token-data.ts";
import { lacksCredential } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import { type Caller, resourceOf } from "../record-deed.ts";
import { requireAlive } from "./require-alive.ts";
import { requireConnection } from "./require-connection.ts";

export type ReadDeps = Pick<
  Deps,
  | "audit"
  | "connections"
  | "credentialCache"
  | "defer"
  | "hotCredentials"
  | "keepers"
  | "metrics"
  | "now"
  | "providers"
  | "secrets"
  | "settings"
>;

/** A credential and the connection it belongs to. */
export interface TokenAnswer {
  readonly connection: Connection;
  readonly credential: Credential;
  /** True when the provider was asked for it just now. */
  readonly refreshed: boolean;
}

/**
 * A credential that works now: the cached or stored one, or a fresh one when it is about to expire.
 *
 * @param found The connection, when it was read beside the caller's credential.
 * @throws `not_found`; `reauth_required`; `vault_unavailable`; and as `Keepers.refresh` when a refresh is due.
 */
export async function readToken(
  deps: ReadDeps,
  caller: Caller,
  id: ConnectionId,
  found?: Connection | null,
): Promise<TokenAnswer> {
  return readTokenOf(deps, caller, await requireConnection(deps, caller.principal, id, found));
}

/** The same for a connection the caller is known to see. */
export async function readTokenOf(deps: ReadDeps, caller: Caller, connection: Connection): Promise<TokenAnswer> {
  const answer = await openCredential(deps, caller, connection);
  await countRead(deps, caller, connection);
  return answer;
}

/** The same without counting a read: for what stays inside the broker. */
export async function openCredential(deps: ReadDeps, caller: Caller, connection: Connection): Promise<TokenAnswer> {
  requireAlive(deps, connection);
  const stamp = deps.hotCredentials.begin();
  const answer = await findCredential(deps, caller, connection).catch((error: unknown) => {
    // What this isolate repeats to others may be what the provider has just ended.
    deps.hotCredentials.forget(connection.id);
    throw error;
  });
  const { credential } = answer;
  deps.hotCredentials.write(hotKeyOf(caller, connection.id), { connection, credential }, stamp);
  return answer;
}

/** Under which this isolate may repeat an answer: the presented credential, the effective user and the connection. */
export function hotKeyOf(caller: Caller, connectionId: string): HotKey {
  const { principal } = caller;
  return { fingerprint: principal.credential.fingerprint, userId: principal.id, connectionId };
}

/** Counts one read in the audit; the caller's first of that connection in a minute is on disk when it resolves. */
export function countRead(
  deps: Pick<Deps, "audit">,
  caller: Caller,
  connection: Pick<Connection, "id" | "provider">,
): Promise<void> {
  const { principal } = caller;
  const entry = entryOf("token.read", principal, resourceOf(connection), caller);
  return deps.audit.count(principal.workspaceId, `token.read|${principalKey(principal)}|${connection.id}`, entry);
}

/** @param found Null = it was not there; `rejected` = what was there does not belong here. */
export function countLookup(
  deps: Pick<Deps, "metrics">,
  tier: LabelsOf<"aurora_credential_lookups_total">["tier"],
  found: object | "rejected" | null,
): void {
  const outcome = found === null ? "miss" : found === "rejected" ? "rejected" : "hit";
  deps.metrics.count("aurora_credential_lookups_total", { tier, outcome });
}

async function findCredential(deps: ReadDeps, caller: Caller, connection: Connection): Promise<TokenAnswer> {
  // At expiry everyone comes at once: only the keeper reads the secret then.
  const kept = isRowDue(deps, connection)
    ? null
    : ((await readCached(deps, caller, connection)) ?? (await readStored(deps, connection)));
  if (kept !== null && !needsRefresh(deps, connection, kept)) return { connection, credential: kept, refreshed: false };
  const { credential, refreshed } = await deps.keepers.refresh(bindingOf(connection), { force: false });
  return { connection, credential, refreshed };
}

/** True when the row alone tells that the credential is due. */
function isRowDue(deps: Pick<Deps, "now" | "providers">, connection: Connection): boolean {
  const { issuedAt, expiresAt, provider } = connection;
  if (issuedAt === null || deps.providers.find(provider)?.refresh == null) return false;
  return isDue({ issuedAt, expiresAt }, deps.now());
}

/** A key is answered as it is; anything that can be refreshed must have life left. */
function needsRefresh(deps: Pick<Deps, "now" | "providers">, connection: Connection, kept: Credential): boolean {
  const provider = deps.providers.find(connection.provider);
  if (provider?.refresh == null) return false;
  return isDue(kept, deps.now()) || lacksCredential(provider, kept.tokenData);
}

/** The sealed copy; null when there is none, or one that does not belong here, which is recorded. */
async function readCached(deps: ReadDeps, caller: Caller, connection: Connection): Promise<Credential | null> {
  const cached = await deps.credentialCache.read(bindingOf(connection), connection.version);
  countLookup(deps, "kv", cached);
  if (cached !== "rejected") return cached;
  const { principal } = caller;
  const rejected = entryOf("cache.rejected", principal, resourceOf(connection), caller, {
    version: connection.version,
  });
  await deps.audit.record(connection.workspaceId, { ...rejected, outcome: "failure" });
  return null;
}

/** The stored secret, copied into the cache on the way; null when the keeper must be asked instead. */
async function readStored(deps: ReadDeps, connection: Connection): Promise<Credential | null> {
  const fields = deps.providers.find(connection.provider)?.exposes ?? [];
  try {
    const stored = await deps.secrets.read(parseSecretRef(connection.secretRef, deps.settings.vaultMount));
    countLookup(deps, "vault", stored);
    if (stored === null) throw new AppError("reauth_required", "Its secret is gone; connect the account again.");
    const credential = credentialOf(stored.data, stored.version, fields);
    if (stored.version === connection.version) {
      deps.defer(deps.credentialCache.write(bindingOf(connection), credential));
    }
    return credential;
  } catch (error) {
    // The keeper may hold a newer secret in escrow, which works while the store is away.
    if (isAppError(error) && error.code === "vault_unavailable") return null;
    throw error;
  }
}
