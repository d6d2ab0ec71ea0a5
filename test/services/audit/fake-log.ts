import { createHash } from "node:crypto";
import type {
  AuditCheckpointStore,
  AuditEventStore,
  AuditHeads,
  AuditPruning,
  AuditQuery,
  AuditRow,
  ChainedEvent,
  ChainHead,
} from "../../../src/domain/audit-chain.ts";
import { EMPTY_CHAIN } from "../../../src/domain/audit-chain.ts";
import type { AuditEntry, AuditEvent } from "../../../src/domain/audit-event.ts";
import { createSigningKey, SEED_BYTES } from "../../../src/domain/ed25519.ts";
import { AppError } from "../../../src/domain/errors.ts";
import { requireId } from "../../../src/domain/ids.ts";
import type { Scope } from "../../../src/domain/principal.ts";
import { type EpochSeconds, epochSeconds } from "../../../src/domain/time.ts";
import { type AppendDeps, appendAuditEvents, type Repeats } from "../../../src/services/audit/append-audit-events.ts";
import { type FlushDeps, flushAuditEvents } from "../../../src/services/audit/flush-audit-events.ts";
import { storeCheckpoints } from "../../../src/services/audit/store-checkpoints.ts";
import { createLogbook, type Logbook } from "../../support/fake-logbook.ts";
import { createFakeCheckpoints, type FakeCheckpoints } from "./fake-checkpoints.ts";

export const CHAIN = `wsp_${"1".repeat(32)}`;
export const SCOPE: Scope = { userId: requireId("usr", `usr_${"2".repeat(32)}`), workspaceId: requireId("wsp", CHAIN) };

export const LOGIN: AuditEntry = {
  action: "user.login",
  outcome: "success",
  actor: { type: "user", id: "usr_1" },
  resource: null,
  ip: "192.0.2.1",
  requestId: "req_1",
  detail: {},
};

export async function sha256(text: string): Promise<string> {
  return createHash("sha256").update(text).digest("hex");
}

/** The key that signs checkpoints in these tests. */
export const KEY = await createSigningKey(new Uint8Array(SEED_BYTES).fill(7));

/** A chain, its outbox and its tables, in memory. */
export interface FakeLog {
  readonly append: AppendDeps;
  readonly flush: FlushDeps;
  readonly auditEvents: AuditEventStore;
  readonly auditHeads: AuditHeads;
  readonly auditCheckpoints: AuditCheckpointStore;
  readonly auditPruning: AuditPruning;
  readonly checkpoints: FakeCheckpoints;
  /** Signs and stores what waits for it. */
  readonly sign: () => Promise<void>;
  /** The clock in seconds. */
  readonly now: () => EpochSeconds;
  readonly sha256: typeof sha256;
  /** What the outbox holds. */
  readonly outbox: ChainedEvent[];
  /** What the table holds; a test may tamper with it. */
  rows: AuditRow[];
  readonly clock: { ms: number };
  /** How many batches Postgres refuses from now on. */
  outage: { batches: number };
  readonly retryAtMs: () => number;
  /** Numbers of the events of each batch that arrived. */
  readonly batches: number[][];
  /** What the operator would read. */
  readonly logbook: Logbook;
  /** What a listener has heard of. */
  readonly told: readonly ChainedEvent[];
}

export function createFakeLog(): FakeLog {
  const clock = { ms: Date.parse("2026-11-22T10:00:00.000Z") };
  const outage = { batches: 0 };
  const pending: ChainedEvent[] = [];
  const told: ChainedEvent[] = [];
  const checkpoints = createFakeCheckpoints();
  const counts = new Map<string, Repeats>();
  const keys = new Set<string>();
  let head: ChainHead = EMPTY_CHAIN;
  let trouble = { failures: 0, retryAtMs: 0 };

  const append: AppendDeps = {
    sha256,
    nowMs: () => clock.ms,
    tell: (events) => void told.push(...events),
    outbox: {
      head: () => head,
      knows: (key) => keys.has(key),
      add: (events, key) => {
        if (key !== null) keys.add(key);
        pending.push(...events);
        head = events.at(-1) ?? head;
        for (const event of events) checkpoints.pass(event);
      },
      pending: (after, limit) => pending.filter(({ seq }) => seq > after).slice(0, limit),
      forget: (seqs) => void pending.splice(0, pending.length, ...pending.filter(({ seq }) => !seqs.includes(seq))),
      repeats: (key) => counts.get(key) ?? null,
      keepRepeats: (repeats) => void counts.set(repeats.key, repeats),
      repeatsBefore: (minute, limit) => [...counts.values()].filter((one) => one.minute < minute).slice(0, limit),
      forgetRepeats: (keys) => {
        for (const key of keys) counts.delete(key);
      },
    },
  };
  const log: FakeLog = {
    append,
    flush: {
      nowMs: () => clock.ms,
      log: () => log.logbook,
      adopt: async () => undefined,
      store: () => log.auditEvents,
      outbox: {
        ...append.outbox,
        chain: () => CHAIN,
        failures: () => trouble.failures,
        keepFailures: (failures, retryAtMs) => {
          trouble = { failures, retryAtMs };
        },
      },
    },
    auditEvents: createTable(() => log, outage),
    auditHeads: {
      settle: async () => {
        await flushAuditEvents(log.flush);
        return { seq: head.seq, hash: head.hash };
      },
      memory: async (_, after, limit) => checkpoints.memory(after, limit),
      anchor: async (_, to) => {
        checkpoints.mark(to);
        await log.sign();
        checkpoints.moveAnchor(to);
      },
      cleared: async (_, seq) => checkpoints.keepCleared(seq),
    },
    checkpoints,
    auditCheckpoints: checkpoints.store,
    auditPruning: createFakePruning(() => log),
    sign: () =>
      storeCheckpoints({
        book: { ...checkpoints.book, chain: () => CHAIN },
        store: () => checkpoints.store,
        requireKey: async () => KEY,
        nowMs: () => clock.ms,
      }),
    now: () => epochSeconds(clock.ms / 1000),
    sha256,
    outbox: pending,
    logbook: createLogbook(),
    told,
    rows: [],
    clock,
    outage,
    retryAtMs: () => trouble.retryAtMs,
    batches: [],
  };
  return log;
}

function createTable(log: () => FakeLog, outage: { batches: number }): AuditEventStore {
  const matching = ({ after, action, actor }: AuditQuery) =>
    log()
      .rows.filter(({ seq, columns }) => seq > after && (action === null || columns["action"] === action))
      .filter(({ columns: { actor: who } }) => {
        const { id, via } = who as { readonly id: string; readonly via?: string };
        return actor === null || id === actor || via === actor;
      });
  return {
    insert: async (_, events) => {
      if (outage.batches-- > 0) throw new AppError("database_unavailable", "away");
      log().batches.push(events.map(({ seq }) => seq));
      const known = new Map(log().rows.map(({ seq, hash }) => [seq, hash]));
      const fresh = events.filter(({ seq }) => !known.has(seq));
      log().rows.push(...fresh.map((event) => ({ ...event, columns: JSON.parse(event.text) })));
      return events.flatMap(({ seq, hash }) => (known.has(seq) && known.get(seq) !== hash ? [seq] : []));
    },
    list: async (_, query) =>
      matching(query)
        .slice(0, query.limit)
        .map(({ columns, hash }) => ({ ...columns, hash }) as AuditEvent),
    rows: async (_, after, limit) =>
      log()
        .rows.filter(({ seq }) => seq > after)
        .sort((a, b) => a.seq - b.seq)
        .slice(0, limit),
    lastSeq: async () => Math.max(0, ...log().rows.map(({ seq }) => seq)),
  };
}

function createFakePruning(log: () => FakeLog): AuditPruning {
  const atOf = ({ columns }: AuditRow) => Date.parse(String(columns["at"])) / 1000;
  return {
    lastBefore: async (_, before) => {
      const rows = log().rows.toSorted((a, b) => a.seq - b.seq);
      const first = rows.find((row) => atOf(row) >= before);
      return first === undefined ? (rows.at(-1)?.seq ?? 0) : first.seq - 1;
    },
    deleteUpTo: async (_, upTo, limit) => {
      const doomed = log()
        .rows.filter(({ seq }) => seq <= upTo)
        .slice(0, limit);
      log().rows = log().rows.filter((row) => !doomed.includes(row));
      return doomed.length;
    },
  };
}

/** Records `count` logins by `usr_1`, `usr_2`, … */
export async function recordLogins(log: FakeLog, count: number): Promise<void> {
  const people = Array.from({ length: count }, (_, index) => `usr_${index + 1}`);
  await appendAuditEvents(
    log.append,
    people.map((id) => ({ ...LOGIN, actor: { type: "user", id } })),
  );
}
