import type { ChainedEvent } from "../../../src/domain/audit-chain.ts";
import type { AuditEntry } from "../../../src/domain/audit-event.ts";
import { DEFAULT_USAGE_THRESHOLDS, type UsageThresholds } from "../../../src/domain/usage.ts";
import { createUsageMemory } from "../../../src/durable-objects/audit-log/usage-memory.ts";
import { createUsageWatch } from "../../../src/services/usage/watch-usage.ts";
import { createSqliteStorage } from "../../support/sqlite-storage.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** A Monday. */
export const START_MS = Date.parse("2026-11-02T00:00:00.000Z");

interface Act {
  readonly action: string;
  readonly who: string;
  readonly via?: string;
  readonly resource?: string;
  readonly requestId?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** A watch over one workspace, and a clock that the test moves. */
export function createUsageWorld(thresholds: Partial<UsageThresholds> = {}) {
  const clock = { ms: START_MS };
  const sql = createSqliteStorage();
  const open = () =>
    createUsageWatch({
      memory: createUsageMemory(sql),
      thresholds: { ...DEFAULT_USAGE_THRESHOLDS, ...thresholds },
      nowMs: () => clock.ms,
    });
  let watch = open();
  let seq = 0;

  function act({ action, who, via, resource, requestId, detail = {} }: Act): readonly AuditEntry[] {
    seq += 1;
    const event = {
      ...{ action, seq, outcome: "success", ip: "192.0.2.1", detail },
      at: new Date(clock.ms).toISOString(),
      actor: { type: "user", id: who, ...(via !== undefined && { via }) },
      resource: { type: "connection", id: resource ?? "con_1" },
      request_id: requestId ?? `req_${seq}`,
    };
    watch.hear([{ seq, text: JSON.stringify(event), prevHash: "", hash: "" } satisfies ChainedEvent]);
    return watch.take();
  }

  return {
    clock,
    act,
    /** Reads as the chain records them: one event that stands for `count`. */
    read: (who: string, count = 1, via?: string) =>
      act({ action: "token.read", who, ...(via !== undefined && { via }), detail: { count } }),
    see: (key: string, ip: string | null): readonly AuditEntry[] => {
      watch.see({ key, ip });
      return watch.take();
    },
    /** The object was evicted and wakes anew on the same disk. */
    wakeAnew: () => {
      watch = open();
    },
  };
}
export type UsageWorld = ReturnType<typeof createUsageWorld>;

/** A week of `perHour` reads each hour, up to now. */
export function liveAWeek(world: UsageWorld, who: string, perHour: number): void {
  for (let hour = 0; hour < 7 * 24; hour += 1) {
    world.read(who, perHour);
    world.clock.ms += HOUR_MS;
  }
}
