import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { createDeps } from "../deps.ts";
import type { ConnectionBinding } from "../domain/connection.ts";
import { type Outcome, toOutcome } from "../domain/outcome.ts";
import type { Disconnector, NewSecret, RefreshAnswer } from "../domain/ports/keepers.ts";
import { eraseConnection } from "../services/keeper/erase-connection.ts";
import type { Keeper, UnderWay } from "../services/keeper/keeper.ts";
import type { KeeperRecord, KeeperState } from "../services/keeper/keeper-state.ts";
import { refreshConnection } from "../services/keeper/refresh-connection.ts";
import { storeSecret } from "../services/keeper/store-secret.ts";
import { nudgeKeeper, wakeKeeper } from "../services/keeper/wake-keeper.ts";
import { purgeKeeper } from "../services/retention/purge-keeper.ts";
import { createRecord } from "./record.ts";

/** One per connection: whoever wants to write its secret, or have it refreshed, comes here and waits in line. */
export class ConnectionKeeper extends DurableObject<Bindings> {
  readonly #state: KeeperState = createRecord<KeeperRecord>(this.ctx.storage);
  readonly #underWay: UnderWay = { refresh: null, settling: null, fallback: null };

  refresh(binding: ConnectionBinding, force: boolean): Promise<Outcome<RefreshAnswer>> {
    return toOutcome(() => refreshConnection(this.#keeper(), binding, force));
  }

  store(binding: ConnectionBinding, secret: NewSecret): Promise<Outcome<number>> {
    return toOutcome(() => storeSecret(this.#keeper(), binding, secret));
  }

  erase(binding: ConnectionBinding, by: Disconnector): Promise<Outcome<"erased" | "pending">> {
    return toOutcome(() => eraseConnection(this.#keeper(), binding, by));
  }

  nudge(binding: ConnectionBinding): Promise<Outcome<void>> {
    return toOutcome(() => nudgeKeeper(this.#keeper(), binding));
  }

  purge(binding: ConnectionBinding): Promise<Outcome<"purged" | "pending">> {
    return toOutcome(() => purgeKeeper(this.#keeper(), binding));
  }

  override alarm(): Promise<void> {
    return wakeKeeper(this.#keeper());
  }

  #keeper(): Keeper {
    return { deps: createDeps(this.env, this.ctx), state: this.#state, underWay: this.#underWay };
  }
}
