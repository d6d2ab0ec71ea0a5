import type { Scope } from "../../domain/principal.ts";
import { parseSecretRef } from "../../domain/secret-ref.ts";
import type { SecretData } from "../../domain/token-data.ts";
import type { Acquired, Provider, ProviderContext } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import type { Choice } from "./store-acquired.ts";

/**
 * Lets a provider prepare what a proven credential needs at its side, given the secret it is about to replace.
 *
 * The secret store is asked before the provider does anything: what cannot be carried over is better not made again.
 * Two reconnects at once read the same secret and so carry over the same keys, as does a refresh beside them; only two
 * first connects at once can each make their own, of which the later is stored.
 *
 * @throws `vault_unavailable` while the old secret cannot be read: nothing was made.
 */
export async function provision(
  deps: Pick<Deps, "connections" | "secrets" | "settings">,
  scope: Scope,
  provider: Provider,
  acquired: Acquired,
  choice: Choice,
  context: ProviderContext,
): Promise<Acquired> {
  if (provider.provision === undefined) return acquired;
  const previous = await readPrevious(deps, scope, provider, choice.account ?? acquired.account);
  return provider.provision(acquired, previous, context);
}

async function readPrevious(
  deps: Pick<Deps, "connections" | "secrets" | "settings">,
  scope: Scope,
  { id }: Provider,
  account: string,
): Promise<SecretData | null> {
  const found = await deps.connections.listReadable(scope, id, account);
  const own = found.find(({ ownerId }) => ownerId === scope.userId);
  if (own === undefined) return null;
  const stored = await deps.secrets.read(parseSecretRef(own.secretRef, deps.settings.vaultMount));
  return stored?.data ?? null;
}
