import { describe, expect, test } from "vitest";
import type { ChainedEvent } from "../../../src/domain/audit-chain.ts";
import { AppError } from "../../../src/domain/errors.ts";
import { createAlertFeed } from "../../../src/services/alerts/alert-feed.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { createFakeSockets } from "./fake-sockets.ts";

function eventsBetween(from: number, to: number): readonly ChainedEvent[] {
  return numbers(from, to).map((seq) => ({
    seq,
    text: JSON.stringify({ action: "user.login", seq }),
    prevHash: "",
    hash: `hash ${seq}`,
  }));
}

function page(after: number, last: number, limit: number): readonly ChainedEvent[] {
  return eventsBetween(after + 1, Math.min(last, after + limit));
}

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(to - from + 1, 0) }, (_, index) => from + index);
}

/** A log whose events are kept until they are flushed to a store that can go away. */
function createWorld(stored: number, kept = 0) {
  const time = createFakeTime();
  const sockets = createFakeSockets();
  const log = { head: stored + kept, flushed: stored, purged: 0, isAway: false, reads: [] as number[] };
  const feed = createAlertFeed({
    sockets: sockets.sockets,
    nowMs: time.nowMs,
    // A turn of the others, or a sleep.
    sleep: (ms) => (ms === 0 ? time.flush() : time.sleep(ms)),
    log: {
      headSeq: () => log.head,
      firstKeptSeq: () => log.flushed + 1,
      kept: (seq, limit) => page(Math.max(seq, log.flushed), log.head, limit),
      stored: async (seq, limit) => {
        log.reads.push(seq);
        await time.flush();
        if (log.isAway) throw new AppError("database_unavailable", "away");
        return page(Math.max(seq, log.purged), log.flushed, limit);
      },
    },
  });
  const record = (times: number) => {
    const events = eventsBetween(log.head + 1, log.head + times);
    log.head += times;
    feed.hear(events);
  };
  const settle = async () => {
    for (let turn = 0; turn < 200; turn++) await time.flush();
  };
  /** Second by second: what is asked of the store takes a turn. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      await time.advance(1);
      for (let turn = 0; turn < 10; turn++) await time.flush();
    }
  };
  return { time, pass, feed, log, record, settle, open: sockets.open, sockets: sockets.sockets };
}

describe("whoever has everything so far", () => {
  test("gets what is recorded, in order, and whoever recorded it waits for nobody", async () => {
    const { record, settle, open } = createWorld(10);
    const sockets = numbers(1, 300).map(() => open({ cursor: 10 }));
    record(1);
    record(2);
    expect(sockets.flatMap(({ seqs }) => seqs)).toEqual([]);
    await settle();
    for (const { seqs } of sockets) expect(seqs).toEqual([11, 12, 13]);
  });

  test("asks the store for nothing, however much comes at once and however soon it is flushed", async () => {
    const { record, settle, open, log } = createWorld(0);
    const socket = open();
    for (let burst = 0; burst < 5; burst++) record(90);
    log.flushed = log.head;
    await settle();
    expect(socket.seqs).toEqual(numbers(1, 450));
    expect(log.reads).toEqual([]);
  });

  test("gets the rest from the store when it fell behind what is remembered", async () => {
    const { record, settle, open, log } = createWorld(0);
    const socket = open();
    record(2000);
    log.flushed = log.head;
    await settle();
    expect(socket.seqs).toEqual(numbers(1, 2000));
    expect(log.reads.length).toBeGreaterThan(0);
  });

  test("that is ahead of the log gets only what comes after its place", async () => {
    const { record, settle, open } = createWorld(3);
    const socket = open({ cursor: 5 });
    record(4);
    await settle();
    expect(socket.seqs).toEqual([6, 7]);
  });
});

describe("whoever is behind", () => {
  test("gets what the store has, then what is kept, then what comes, without a gap or a repeat", async () => {
    const { feed, record, settle, open, log, time } = createWorld(730, 40);
    const sockets = [0, 1, 199, 200, 700, 729, 730, 750, 770].map((cursor) => open({ cursor }));
    feed.wake();
    for (let burst = 0; burst < 20; burst++) {
      record(3);
      if (burst % 4 === 0) log.flushed = log.head - 1;
      await time.flush();
    }
    await settle();
    for (const socket of sockets) expect(socket.seqs).toEqual(numbers(socket.seqs[0] ?? 0, log.head));
    expect(sockets.map(({ seqs }) => seqs[0])).toEqual([1, 2, 200, 201, 701, 730, 731, 751, 771]);
  });

  test("shares what is read with all who need it: many who come back cost no more than one", async () => {
    const { feed, settle, open, log } = createWorld(1000);
    const sockets = numbers(1, 300).map((index) => open({ cursor: index % 150 }));
    feed.wake();
    await settle();
    for (let more = 0; more < 20; more++) await settle();
    for (const socket of sockets) expect(socket.seqs.at(-1)).toBe(1000);
    expect(log.reads.length).toBeLessThan(15);
  });

  test("does not hold up the others", async () => {
    const { feed, record, time, open } = createWorld(100_000);
    const slow = open({ cursor: 0 });
    const live = open({ cursor: 100_000 });
    feed.wake();
    record(1);
    for (let turn = 0; turn < 5; turn++) await time.flush();
    expect(live.seqs).toEqual([100_001]);
    expect(slow.cursor()).toBeLessThan(100_000);
    slow.close(1013, "enough of it");
  });

  test("begins at the oldest event there is when the rest was purged", async () => {
    const { feed, settle, open, log } = createWorld(500);
    log.purged = 400;
    const socket = open({ cursor: 7 });
    feed.wake();
    await settle();
    expect(socket.seqs).toEqual(numbers(401, 500));
  });

  test("ends at the head when everything was purged", async () => {
    const { feed, record, settle, open, log } = createWorld(500);
    log.purged = 500;
    const socket = open({ cursor: 7 });
    feed.wake();
    record(1);
    await settle();
    expect(socket.seqs).toEqual([501]);
  });
});

describe("while the store is away", () => {
  test("what it alone has is waited for and then comes first; others go on", async () => {
    const { feed, record, settle, open, log, pass } = createWorld(300, 20);
    log.isAway = true;
    const [far, near] = [open({ cursor: 250 }), open({ cursor: 305 })];
    feed.wake();
    record(5);
    await settle();
    expect(near.seqs).toEqual(numbers(306, 325));
    expect(far.seqs).toEqual([]);
    await pass(20);
    log.isAway = false;
    await pass(2);
    await settle();
    expect(far.seqs).toEqual(numbers(251, 325));
  });

  test("who has waited for half a minute is told to come back, with the place to come back to", async () => {
    const { feed, settle, open, log, pass } = createWorld(300);
    log.isAway = true;
    const [far, live] = [open({ cursor: 250 }), open({ cursor: 300 })];
    feed.wake();
    await pass(25);
    expect(far.closedWith()).toBeNull();
    await pass(10);
    const reason = "the log cannot be read at the moment; come back with after=250";
    expect(far.closedWith()).toEqual({ code: 1013, reason });
    expect(live.closedWith()).toBeNull();
    // The next who comes is tried again.
    log.isAway = false;
    const again = open({ cursor: 250 });
    feed.wake();
    await settle();
    expect(again.seqs).toEqual(numbers(251, 300));
  });
});
