import { createAuditCheckpoints } from "../../src/adapters/neon/audit-checkpoints.ts";
import { createAuditEvents } from "../../src/adapters/neon/audit-events.ts";
import { createAuditPruning } from "../../src/adapters/neon/audit-pruning.ts";
import type { Database } from "../../src/adapters/neon/database.ts";
import { type AuditHeads, type ChainedEvent, type ChainHead, EMPTY_CHAIN } from "../../src/domain/audit-chain.ts";
import type { AuditEntry } from "../../src/domain/audit-event.ts";
import { type AppendDeps, appendAuditEvents } from "../../src/services/audit/append-audit-events.ts";
import { storeCheckpoints } from "../../src/services/audit/store-checkpoints.ts";
import type { Deps } from "../../src/services/deps.ts";
import { createFakeCheckpoints } from "../services/audit/fake-checkpoints.ts";
import { KEY, sha256 } from "../services/audit/fake-log.ts";
import { createFakeAuditLog } from "./fake-audit-log.ts";

/** The audit log over real tables: what the objects remember of their chains is here, their events are there. */
export function createDatabaseAuditLog(database: Database) {
  const fake = createFakeAuditLog();
  const stores = {
    auditEvents: createAuditEvents(database),
    auditCheckpoints: createAuditCheckpoints(database),
    auditPruning: createAuditPruning(database),
  };
  const chains = new Map<string, ReturnType<typeof createChain>>();
  let line: Promise<unknown> = Promise.resolve();

  function createChain(name: string) {
    const checkpoints = createFakeCheckpoints();
    const chain = { head: EMPTY_CHAIN as ChainHead, checkpoints, sign };
    function sign() {
      return storeCheckpoints({
        book: { ...checkpoints.book, chain: () => name },
        store: () => stores.auditCheckpoints,
        requireKey: async () => KEY,
        nowMs: () => Date.now(),
      });
    }
    return chain;
  }

  const find = (name: string) => {
    const chain = chains.get(name) ?? createChain(name);
    chains.set(name, chain);
    return chain;
  };

  async function append(name: string, entry: AuditEntry, timesMs: readonly number[]): Promise<void> {
    const chain = find(name);
    const added: ChainedEvent[] = [];
    const outbox = { head: () => chain.head, add: (events: readonly ChainedEvent[]) => void added.push(...events) };
    for (const atMs of timesMs) {
      const deps = { outbox, sha256, nowMs: () => atMs, tell: () => undefined } as unknown as AppendDeps;
      chain.head = await appendAuditEvents(deps, [entry]);
    }
    for (const event of added) chain.checkpoints.pass(event);
    await stores.auditEvents.insert(name, added);
    await chain.sign();
  }

  const inLine = (work: () => Promise<void>): Promise<void> => {
    const turn = line.then(work);
    line = turn.catch(() => undefined);
    return turn;
  };
  const audit: Deps["audit"] = {
    record: async (chain, entry) => {
      await fake.record(chain, entry);
      await inLine(() => append(chain, entry, [Date.now()]));
    },
    recordOnce: async (chain, _key, entry) => {
      await audit.record(chain, entry);
      return true;
    },
    count: async (chain, _key, entry) => audit.record(chain, entry),
  };
  const auditHeads: AuditHeads = {
    settle: async (chain) => find(chain).head,
    memory: async (chain, after, limit) => find(chain).checkpoints.memory(after, limit),
    anchor: async (chain, to) => {
      find(chain).checkpoints.mark(to);
      await find(chain).sign();
      find(chain).checkpoints.moveAnchor(to);
    },
    cleared: async (chain, seq) => find(chain).checkpoints.keepCleared(seq),
  };
  return {
    ...{ ...stores, audit, auditHeads, sha256 },
    /** What was recorded since, in order. */
    entries: fake.entries,
    /** Puts the same event into a chain's past, at each of these times. */
    backdate: (chain: string, entry: AuditEntry, timesMs: readonly number[]) =>
      inLine(() => append(chain, entry, timesMs)),
  };
}
