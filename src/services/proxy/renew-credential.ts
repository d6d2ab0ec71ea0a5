import { bindingOf, type Connection } from "../../domain/connection.ts";
import { isAppError } from "../../domain/errors.ts";
import type { Credential } from "../../domain/token-data.ts";
import type { Deps } from "../deps.ts";

export type RenewDeps = Pick<Deps, "hotCredentials" | "keepers" | "limiter" | "providers">;

/**
 * Another credential than the one the provider has just refused; null when there is none to be had.
 *
 * Whoever comes with an old one gets what another call has renewed already, so that a burst of refusals asks the
 * provider once; beyond that a connection may force ten a minute.
 *
 * @throws `reauth_required` when the provider refuses the grant itself.
 */
export async function renewCredential(
  deps: RenewDeps,
  connection: Connection,
  refused: Credential,
): Promise<Credential | null> {
  const binding = bindingOf(connection);
  try {
    const { credential: current } = await deps.keepers.refresh(binding, { force: false });
    if (current.version !== refused.version) return current;
    if (deps.providers.find(connection.provider)?.refresh == null) return null;
    const { allowed } = await deps.limiter.take("connect", `proxy:${connection.id}`);
    if (!allowed) return null;
    const { credential, refreshed } = await deps.keepers.refresh(binding, { force: true });
    return refreshed ? credential : null;
  } catch (error) {
    if (!isAppError(error) || error.code === "reauth_required" || error.code === "not_found") throw error;
    // The provider's refusal is what the caller gets; why it could not be mended is the keeper's to record.
    return null;
  } finally {
    deps.hotCredentials.forget(connection.id);
  }
}
