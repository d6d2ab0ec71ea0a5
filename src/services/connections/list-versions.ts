import type { Connection } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { SecretVersion } from "../../domain/ports/secret-store.ts";
import type { Principal } from "../../domain/principal.ts";
import { parseSecretRef } from "../../domain/secret-ref.ts";
import type { SecretData } from "../../domain/token-data.ts";
import { isRefreshable } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import { requireProvider } from "./connect-account.ts";
import { requireConnection } from "./require-connection.ts";

type VersionDeps = Pick<Deps, "connections" | "providers" | "secrets" | "settings">;

/**
 * The versions of a key-style secret that are still there, oldest first, without what is in them.
 *
 * @throws `not_found`; `conflict` for a credential that is refreshed: its old versions are spent.
 */
export async function listVersions(
  deps: VersionDeps,
  principal: Principal,
  id: ConnectionId,
): Promise<readonly SecretVersion[]> {
  const connection = await requireConnection(deps, principal, id);
  await requireKeyStyle(deps, connection);
  const versions = await deps.secrets.listVersions(parseSecretRef(connection.secretRef, deps.settings.vaultMount));
  return versions.filter(({ readable }) => readable);
}

/** @throws `conflict` when the connection's credential is one that is refreshed. */
export async function requireKeyStyle(deps: VersionDeps, connection: Connection): Promise<void> {
  const provider = requireProvider(deps, connection.provider);
  if (provider.refresh === null) return;
  // Some providers give credentials that never end beside those that do: only the secret tells.
  const stored = await deps.secrets.read(parseSecretRef(connection.secretRef, deps.settings.vaultMount));
  if (stored === null || isRefreshable(provider, stored.data)) throw refreshed();
}

/** @throws `conflict` when this very secret is one that is refreshed. */
export function requireStatic(deps: Pick<Deps, "providers">, connection: Connection, secret: SecretData): void {
  if (isRefreshable(requireProvider(deps, connection.provider), secret)) throw refreshed();
}

function refreshed(): AppError {
  return new AppError("conflict", "This credential is renewed by the provider; an older version of it is of no use.");
}
