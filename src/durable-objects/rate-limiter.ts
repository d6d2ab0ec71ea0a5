import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { nowMs } from "../clock.ts";
import {
  type RateLimiterObject,
  type Taken,
  type TakeRequest,
  takeFromWindow,
  type WindowEntry,
} from "../domain/sliding-window.ts";

/**
 * One per bucket and key: the exact sliding window of one caller. It holds times and counts, never who the caller is,
 * and is gone from storage once its window is empty.
 */
export class RateLimiter extends DurableObject<Bindings> implements RateLimiterObject {
  /** What storage holds; null = not read since this instance started or since it was emptied. */
  #entries: readonly WindowEntry[] | null = null;
  #alarmAtMs = 0;

  /** Takes from the window; nothing is awaited between reading and writing it, so calls cannot interleave. */
  async take(request: TakeRequest & { readonly nowMs?: number }): Promise<Taken> {
    const atMs = request.nowMs ?? nowMs();
    const before = this.#read();
    const { taken, entries } = takeFromWindow(before, request, atMs);
    this.#write(before, entries, request.windowMs);
    if (this.#alarmAtMs <= atMs) await this.#wakeAt(atMs + request.windowMs + request.leaseMs);
    return taken;
  }

  /** Forgets what has left its window. */
  override async alarm(): Promise<void> {
    this.#read();
    const { sql } = this.ctx.storage;
    sql.exec("delete from taken where expires_ms <= ?", nowMs());
    this.#entries = null;
    this.#alarmAtMs = 0;
    const { last } = sql.exec<{ last: number | null }>("select max(expires_ms) as last from taken").one();
    if (last === null) return this.ctx.storage.deleteAll();
    await this.#wakeAt(last);
  }

  #read(): readonly WindowEntry[] {
    if (this.#entries !== null) return this.#entries;
    const { sql } = this.ctx.storage;
    sql.exec(`create table if not exists taken (
      at_ms integer primary key, count integer not null, expires_ms integer not null
    ) strict`);
    this.#entries = sql
      .exec<{ at_ms: number; count: number }>("select at_ms, count from taken order by at_ms")
      .toArray()
      .map(({ at_ms, count }) => ({ atMs: at_ms, count }));
    return this.#entries;
  }

  #write(before: readonly WindowEntry[], after: readonly WindowEntry[], windowMs: number): void {
    const had = new Map(before.map(({ atMs, count }) => [atMs, count]));
    const has = new Set(after.map(({ atMs }) => atMs));
    this.ctx.storage.transactionSync(() => {
      const { sql } = this.ctx.storage;
      for (const { atMs } of before) {
        if (!has.has(atMs)) sql.exec("delete from taken where at_ms = ?", atMs);
      }
      for (const { atMs, count } of after) {
        if (had.get(atMs) === count) continue;
        sql.exec("insert or replace into taken values (?, ?, ?)", atMs, count, atMs + windowMs);
      }
    });
    this.#entries = after;
  }

  async #wakeAt(timeMs: number): Promise<void> {
    this.#alarmAtMs = timeMs;
    await this.ctx.storage.setAlarm(timeMs);
  }
}
