import type { ConnectionBinding } from "../../src/domain/connection.ts";
import type { Keepers } from "../../src/domain/ports/keepers.ts";
import { eraseConnection } from "../../src/services/keeper/erase-connection.ts";
import type { Keeper } from "../../src/services/keeper/keeper.ts";
import { refreshConnection } from "../../src/services/keeper/refresh-connection.ts";
import { storeSecret } from "../../src/services/keeper/store-secret.ts";
import { nudgeKeeper } from "../../src/services/keeper/wake-keeper.ts";
import { purgeKeeper } from "../../src/services/retention/purge-keeper.ts";
import { createFakeKeeperState } from "./fake-keeper-state.ts";

export interface FakeKeepers extends Keepers {
  /** The calls, e.g. `refresh con_…`. */
  readonly calls: string[];
}

/** The real keepers in memory, one per connection; only their object is missing. */
export function createFakeKeepers(deps: Keeper["deps"]): FakeKeepers {
  const keepers = new Map<string, Keeper>();
  const calls: string[] = [];
  const find = (method: string, { id }: ConnectionBinding): Keeper => {
    calls.push(`${method} ${id}`);
    const known = keepers.get(id);
    const state = createFakeKeeperState();
    const keeper = known ?? { deps, state, underWay: { refresh: null, settling: null, fallback: null } };
    keepers.set(id, keeper);
    return keeper;
  };
  return {
    calls,
    refresh: async (binding, { force }) => refreshConnection(find("refresh", binding), binding, force),
    store: async (binding, secret) => storeSecret(find("store", binding), binding, secret),
    erase: async (binding, by) => eraseConnection(find("erase", binding), binding, by),
    nudge: async (binding) => nudgeKeeper(find("nudge", binding), binding),
    purge: async (binding) => purgeKeeper(find("purge", binding), binding),
  };
}
