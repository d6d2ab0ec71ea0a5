import { z } from "zod";
import type { ChainedEvent } from "../../domain/audit-chain.ts";
import type { AuditAction, AuditEntry } from "../../domain/audit-event.ts";
import type { Abnormality, UsageMemory, UsageThresholds } from "../../domain/usage.ts";
import { findAbnormalReads } from "./find-abnormal-reads.ts";
import { findConnectionBurst } from "./find-connection-burst.ts";
import { findNewNetwork } from "./find-new-network.ts";

export interface WatchDeps {
  readonly memory: UsageMemory;
  readonly thresholds: UsageThresholds;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Where a key was seen. */
export interface Sighting {
  /** `key_…`. */
  readonly key: string;
  readonly ip: string | null;
}

/** Watches what the principals of one chain do. What it finds waits here until it is taken. */
export interface UsageWatch {
  hear(events: readonly ChainedEvent[]): void;
  see(sighting: Sighting): void;
  /** What was found since the last time, ready for the chain. */
  take(): readonly AuditEntry[];
}

/** Whoever does one abnormal thing goes on doing it: it is said once in so long. */
const QUIET_MS = 6 * 3_600_000;
/** A key's network is remembered for a month, which is the longest anything is. */
const KEPT_MS = 31 * 24 * 3_600_000;
const READS: ReadonlySet<AuditAction> = new Set(["token.read", "proxy.called"]);

/** The habits are in `memory`, so a watch made anew goes on where the last one stopped. */
export function createUsageWatch(deps: WatchDeps): UsageWatch {
  const { memory, nowMs } = deps;
  let found: AuditEntry[] = [];
  let forgottenMs = nowMs();

  function report(who: string, abnormality: Abnormality | null, ip: string | null): void {
    if (abnormality === null) return;
    const { kind, numbers } = abnormality;
    const lastMs = memory.lastAlarmMs(who, kind);
    // A second new network is news; the rest is the same story.
    if (kind !== "new_network" && lastMs !== null && nowMs() - lastMs < QUIET_MS) return;
    memory.keepAlarm(who, kind, nowMs());
    found.push(toEntry(who, abnormality.kind, numbers, ip));
  }

  return {
    hear: (events) => {
      for (const { text } of events) {
        const event = HeardSchema.safeParse(JSON.parse(text));
        if (!event.success) continue;
        for (const abnormality of judge(deps, event.data)) report(whoDid(event.data), abnormality, event.data.ip);
      }
    },
    see: ({ key, ip }) => report(key, findNewNetwork(memory, deps.thresholds, key, ip, nowMs()), ip),
    take: () => {
      const taken = found;
      found = [];
      if (nowMs() - forgottenMs > QUIET_MS) {
        memory.forgetBefore(nowMs() - KEPT_MS);
        forgottenMs = nowMs();
      }
      return taken;
    },
  };
}

/** The little of an event that habits are made of. */
const HeardSchema = z.object({
  action: z.string(),
  at: z.iso.datetime(),
  actor: z.object({ id: z.string(), via: z.string().optional() }),
  resource: z.object({ id: z.string().nullable() }).nullable(),
  ip: z.string().nullable(),
  request_id: z.string().nullable(),
  detail: z.object({ count: z.number().optional(), role: z.string().optional() }).loose(),
});
type Heard = z.infer<typeof HeardSchema>;

/** Notes the event, and says what is abnormal about it. */
function judge({ memory, thresholds }: WatchDeps, event: Heard): readonly (Abnormality | null)[] {
  const who = whoDid(event);
  const atMs = Date.parse(event.at);
  if (READS.has(event.action as AuditAction)) {
    return findAbnormalReads(memory, thresholds, { who, as: event.actor.id, atMs, times: event.detail.count ?? 1 });
  }
  if (event.action === "connection.created") {
    return [findConnectionBurst(memory, thresholds, who, event.request_id ?? event.at, atMs)];
  }
  if (event.action === "user.updated" && event.detail.role !== undefined && event.resource?.id != null) {
    memory.keepRoleChange(event.resource.id, atMs, event.detail.role);
  }
  return [];
}

function whoDid({ actor }: Heard): string {
  return actor.via === undefined ? actor.id : `${actor.via}>${actor.id}`;
}

function toEntry(who: string, kind: string, numbers: Abnormality["numbers"], ip: string | null): AuditEntry {
  const [first = who, actedFor] = who.split(">");
  const id = actedFor ?? first;
  return {
    action: "usage.abnormal",
    outcome: "failure",
    actor: { type: "system", id: "usage_watch" },
    resource: { type: resourceType(id), id },
    ip,
    requestId: null,
    detail: { kind, ...(actedFor !== undefined && { via: first }), ...numbers },
  };
}

function resourceType(id: string): "api_key" | "kubectl_token" | "user" {
  if (id.startsWith("key_")) return "api_key";
  return id.startsWith("kct_") ? "kubectl_token" : "user";
}
