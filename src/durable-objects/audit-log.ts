import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { nowMs, sha256 } from "../clock.ts";
import { createDeps } from "../deps.ts";
import type { AuditLogObject, ChainedEvent, ChainHead, ChainMemory, CountedEntry } from "../domain/audit-chain.ts";
import type { AuditEntry } from "../domain/audit-event.ts";
import { AppError } from "../domain/errors.ts";
import type { ApiKeyId } from "../domain/ids.ts";
import type { SecurityTally } from "../domain/metric-security.ts";
import { type Outcome, toOutcome } from "../domain/outcome.ts";
import type { AlertsObject, AlertTicket } from "../domain/ports/alerts.ts";
import type { SecurityLogObject } from "../domain/ports/metrics.ts";
import type { FanOutObject } from "../domain/ports/webhooks.ts";
import type { Principal } from "../domain/principal.ts";
import { type AppendDeps, appendAuditEvents, countAuditEvents } from "../services/audit/append-audit-events.ts";
import { FLUSH_DELAY_MS, MAX_BACKOFF_MS } from "../services/audit/flush-audit-events.ts";
import type { Deps } from "../services/deps.ts";
import { readTally, tallyDatabaseFailures, tallyEvents } from "../services/metrics/tally-events.ts";
import { createUsageWatch, type UsageWatch } from "../services/usage/watch-usage.ts";
import { createCheckpointChore } from "./audit-log/checkpoint-chore.ts";
import { createSqlCheckpoints, type SqlCheckpoints } from "./audit-log/checkpoints.ts";
import { type Chore, nextDueMs, runChores } from "./audit-log/chore.ts";
import { createFanOut, type FanOut } from "./audit-log/fan-out.ts";
import { createFlusher, type Flusher } from "./audit-log/flusher.ts";
import { createLine, type Line } from "./audit-log/line.ts";
import { createSqlOutbox, type SqlOutbox } from "./audit-log/outbox.ts";
import { type AlertSockets, createAlertSockets } from "./audit-log/sockets.ts";
import { createSqlTally } from "./audit-log/tally.ts";
import { createUsageMemory } from "./audit-log/usage-memory.ts";

/**
 * One per chain: a workspace's, or the one of unauthenticated events. It alone numbers and chains, one call at a time,
 * and keeps each event in its own storage until Postgres has it.
 */
export class AuditLog
  extends DurableObject<Bindings>
  implements AuditLogObject, SecurityLogObject, FanOutObject, AlertsObject
{
  readonly #outbox: SqlOutbox;
  readonly #checkpoints: SqlCheckpoints;
  readonly #signing: ReturnType<typeof createCheckpointChore>;
  readonly #sockets: AlertSockets;
  readonly #append: AppendDeps;
  readonly #line: Line;
  readonly #flusher: Flusher;
  readonly #fanOut: FanOut;
  readonly #tally = { tally: createSqlTally(this.ctx.storage), nowMs };
  readonly #chores: readonly Chore[];
  #watch: UsageWatch | null = null;
  override readonly fetch = (request: Request): Promise<Response> => this.#sockets.open(request);
  /** Made at each use: they belong to an event. */
  readonly #deps = (): Deps => createDeps(this.env, this.ctx);
  /** Who hears of every event in order, at once; nothing here may throw or wait. */
  readonly #listeners: readonly ((events: readonly ChainedEvent[]) => void)[] = [
    (events) => this.#usage().hear(events),
    (events) => tallyEvents({ ...this.#tally, metrics: this.#deps().metrics }, events),
    (events) => this.#fanOut.hear(events),
    (events) => this.#sockets.hearEvents(events),
  ];

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#checkpoints = createSqlCheckpoints(ctx.storage);
    this.#outbox = createSqlOutbox(ctx.storage, this.#checkpoints.pass);
    this.#sockets = createAlertSockets({
      ctx,
      outbox: this.#outbox,
      deps: this.#deps,
      reschedule: () => void this.#schedule(),
    });
    this.#append = {
      outbox: this.#outbox,
      sha256,
      nowMs,
      tell: (events) => {
        for (const listen of this.#listeners) listen(events);
      },
    };
    this.#fanOut = createFanOut(ctx.storage, {
      chain: () => this.#outbox.chain(),
      stores: this.#deps,
      sha256,
      nowMs,
    });
    this.#signing = createCheckpointChore({
      checkpoints: this.#checkpoints,
      outbox: this.#outbox,
      deps: this.#deps,
      nowMs,
    });
    this.#line = createLine(this.#append, this.#outbox, () => this.#usage().take());
    this.#flusher = createFlusher(this.#outbox, this.#checkpoints, this.#line, this.#deps);
    const { chores } = this.#sockets;
    this.#chores = [this.#line.chore, this.#flusher.chore, this.#fanOut.chore, this.#signing, ...chores];
  }

  append(chain: string, entries: readonly AuditEntry[], key: string | null = null): Promise<Outcome<ChainHead>> {
    return this.#write(chain, () => appendAuditEvents(this.#append, entries, key));
  }

  count(chain: string, counted: readonly CountedEntry[], key: string | null = null): Promise<Outcome<ChainHead>> {
    return this.#write(chain, () => countAuditEvents(this.#append, counted, key));
  }

  sight(chain: string, key: ApiKeyId, ip: string): Promise<Outcome<ChainHead>> {
    return this.#write(chain, async () => {
      this.#usage().see({ key, ip });
      return this.#outbox.head();
    });
  }

  async expectWebhook(): Promise<number> {
    this.#fanOut.expect();
    return this.#outbox.head().seq;
  }

  async pending(after: number, limit: number): Promise<readonly ChainedEvent[]> {
    return this.#outbox.pending(after, limit);
  }

  async head(): Promise<ChainHead> {
    return this.#outbox.head();
  }

  flush(): Promise<Outcome<ChainHead>> {
    return toOutcome(() => this.#flusher.complete());
  }

  async memory(after: number, limit: number): Promise<ChainMemory> {
    return this.#checkpoints.memory(after, limit);
  }

  anchor(chain: string, to: ChainHead): Promise<Outcome<void>> {
    return toOutcome(async () => {
      if (to.seq > this.#outbox.flushedSeq()) {
        throw new AppError("invalid_request", "The audit log does not reach that far.");
      }
      this.#outbox.rememberChain(chain);
      this.#checkpoints.mark(to);
      await this.#signing.sign();
      this.#checkpoints.moveAnchor(to);
    });
  }

  async cleared(seq: number): Promise<void> {
    this.#checkpoints.keepCleared(seq);
  }

  tally(minutes: number): Promise<SecurityTally> {
    // In line: while repeats become events they are neither, or both.
    return this.#line.run(async () => readTally(this.#tally, minutes, this.#outbox.repeatsByAction()));
  }

  async noteDatabaseFailures(times: number): Promise<void> {
    tallyDatabaseFailures(this.#tally, times);
  }

  async keepTicket(ticket: AlertTicket): Promise<Outcome<void>> {
    this.#sockets.tickets.keep(ticket);
    await this.#schedule();
    return { ok: true, value: undefined };
  }

  async takeTicket(hash: string): Promise<Principal | null> {
    return this.#sockets.tickets.take(hash);
  }

  async doubt(ids: readonly string[]): Promise<void> {
    this.#sockets.doubt(ids);
  }

  override webSocketMessage(ws: WebSocket, frame: string | ArrayBuffer): void {
    this.#sockets.hearFrame(ws, frame);
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    this.#sockets.hearClose(ws, code, reason);
  }

  override webSocketError(ws: WebSocket): void {
    this.#sockets.hearError(ws);
  }

  override async alarm(): Promise<void> {
    // Set first: the platform gives up after a few throws, and a crash must not leave events lying here.
    await this.ctx.storage.setAlarm(nowMs() + MAX_BACKOFF_MS);
    await runChores(this.#chores, this.#deps().log);
    const dueMs = nextDueMs(this.#chores, nowMs() + FLUSH_DELAY_MS);
    await (dueMs === Infinity ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(dueMs));
  }

  #write(chain: string, work: () => Promise<ChainHead>): Promise<Outcome<ChainHead>> {
    return toOutcome(async () => {
      // Before the event is kept, so that no crash leaves one behind without an alarm.
      if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(nowMs() + FLUSH_DELAY_MS);
      const head = await this.#line.run(async () => {
        this.#outbox.rememberChain(chain);
        return await work();
      });
      await this.#schedule();
      return head;
    });
  }

  #usage(): UsageWatch {
    this.#watch ??= createUsageWatch({
      memory: createUsageMemory(this.ctx.storage.sql),
      thresholds: this.#deps().usageThresholds,
      nowMs,
    });
    return this.#watch;
  }

  /** Wakes the object when something is due, unless it wakes earlier anyway. */
  async #schedule(): Promise<void> {
    const dueMs = nextDueMs(this.#chores, nowMs() + FLUSH_DELAY_MS);
    if (dueMs < ((await this.ctx.storage.getAlarm()) ?? Infinity)) await this.ctx.storage.setAlarm(dueMs);
  }
}
