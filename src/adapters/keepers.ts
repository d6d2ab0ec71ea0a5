import type { ConnectionBinding } from "../domain/connection.ts";
import { type Outcome, requireValue } from "../domain/outcome.ts";
import type { Disconnector, Keepers, NewSecret, RefreshAnswer } from "../domain/ports/keepers.ts";

/** What the object answers over RPC. */
export interface KeeperRpc {
  refresh(binding: ConnectionBinding, force: boolean): Promise<Outcome<RefreshAnswer>>;
  store(binding: ConnectionBinding, secret: NewSecret): Promise<Outcome<number>>;
  erase(binding: ConnectionBinding, by: Disconnector): Promise<Outcome<"erased" | "pending">>;
  nudge(binding: ConnectionBinding): Promise<Outcome<void>>;
  purge(binding: ConnectionBinding): Promise<Outcome<"purged" | "pending">>;
}

/** @param find The keeper of a connection id. */
export function createKeepers(find: (connectionId: string) => KeeperRpc): Keepers {
  return {
    refresh: async (binding, { force }) => requireValue(await find(binding.id).refresh(binding, force)),
    store: async (binding, secret) => requireValue(await find(binding.id).store(binding, secret)),
    erase: async (binding, by) => requireValue(await find(binding.id).erase(binding, by)),
    nudge: async (binding) => requireValue(await find(binding.id).nudge(binding)),
    purge: async (binding) => requireValue(await find(binding.id).purge(binding)),
  };
}
