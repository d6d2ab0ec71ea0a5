import { nowMs } from "../../clock.ts";
import type { AlertTicket } from "../../domain/ports/alerts.ts";
import type { Principal } from "../../domain/principal.ts";
import type { Chore } from "./chore.ts";

const TABLE = `
  create table if not exists tickets (
    hash text primary key, principal text not null, expires_ms integer not null
  ) strict;
  create index if not exists tickets_by_expiry on tickets (expires_ms);
`;

/** The tickets of a workspace that nobody has used yet. */
export interface Tickets {
  keep(ticket: AlertTicket): void;
  /** Spends it; null when there is none, or it has expired. */
  take(hash: string): Principal | null;
  readonly chore: Chore;
}

export function createTickets({ sql }: DurableObjectStorage): Tickets {
  sql.exec(TABLE);
  return {
    keep: ({ hash, principal, expiresAt }) =>
      void sql.exec("insert into tickets values (?, ?, ?)", hash, JSON.stringify(principal), expiresAt * 1000),
    take: (hash) => {
      const [taken] = sql
        .exec<{ principal: string; expires_ms: number }>(
          "delete from tickets where hash = ? returning principal, expires_ms",
          hash,
        )
        .toArray();
      return taken !== undefined && taken.expires_ms > nowMs() ? (JSON.parse(taken.principal) as Principal) : null;
    },
    chore: {
      name: "forget tickets nobody used",
      dueMs: () =>
        sql.exec<{ least: number | null }>("select min(expires_ms) as least from tickets").one().least ?? Infinity,
      run: async () => void sql.exec("delete from tickets where expires_ms <= ?", nowMs()),
    },
  };
}
