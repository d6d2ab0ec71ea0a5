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

/** One per connection: whoever wants to write its secret, or have it refreshed, comes here and waits in line. */
export class ConnectionKeeper extends DurableObject<Bindings> {
  readonly #underWay: UnderWay = { refresh: null, settling: null, fallback: null };

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "create table if not exists record (id integer primary key check (id = 1), value text not null)",
    );
  }

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

  override alarm(): Promise<void> {
    return wakeKeeper(this.#keeper());
  }

  #keeper(): Keeper {
    return { deps: createDeps(this.env, this.ctx), state: createState(this.ctx.storage), underWay: this.#underWay };
  }
}

/** One row of JSON: a record changes whole or not at all. */
function createState(storage: DurableObjectStorage): KeeperState {
  return {
    read() {
      const [row] = storage.sql.exec<{ value: string }>("select value from record").toArray();
      return row === undefined ? null : (JSON.parse(row.value) as KeeperRecord);
    },
    write(record) {
      storage.sql.exec("insert or replace into record (id, value) values (1, ?)", JSON.stringify(record));
    },
    wakeAt(atMs) {
      // Not awaited: the write is in order with those around it, and answers wait for it like for any other.
      void storage.setAlarm(atMs);
    },
  };
}
