import { expect, test } from "vitest";
import { takeUntilFull, whyFull } from "../../../src/durable-objects/audit-log/sockets-room.ts";

const MIB = 1024 * 1024;

/** Frames of so many bytes. */
function frames(...sizes: readonly number[]) {
  return sizes.map((bytes, index) => ({ seq: index + 1, action: "user.login", text: "", bytes }));
}

/** How many of ten frames of a mebibyte are sent to a socket that was sent so much before. */
function countSent(owed: number, sent: number): number {
  const state = { owedBytes: owed * MIB, sentBytes: sent * MIB };
  return takeUntilFull(frames(...Array.from({ length: 10 }, () => MIB)), state).sent.length;
}

test("a page ends with the frame that is too much, whatever comes after it", () => {
  expect(countSent(0, 0)).toBe(5);
  expect(countSent(1, 6)).toBe(3);
  expect(countSent(4, 4)).toBe(1);
  expect(takeUntilFull(frames(5 * MIB, 1, 1), { owedBytes: 0, sentBytes: 0 })).toMatchObject({
    sent: [{ seq: 1 }],
    bytes: 5 * MIB,
  });
});

test("a page that fits is sent whole", () => {
  expect(takeUntilFull(frames(MIB, MIB), { owedBytes: 2 * MIB, sentBytes: 6 * MIB }).sent).toHaveLength(2);
});

test.each([
  [4, 8, null],
  [4.1, 4.1, "too slow: send a ping now and then, and come back with after=7"],
  [0.1, 8.1, "nothing tells whether you read what was sent: come back with after=7"],
])("a socket that owes %d MiB of %d is full, and why: %s", (owed, sent, reason) => {
  expect(whyFull({ owedBytes: owed * MIB, sentBytes: sent * MIB, cursor: 7 })).toBe(reason);
});

test("a reason fits into a close, whatever its number", () => {
  for (const sentBytes of [0, 9 * MIB]) {
    const reason = whyFull({ owedBytes: 5 * MIB - sentBytes, sentBytes, cursor: Number.MAX_SAFE_INTEGER });
    expect(Buffer.byteLength(reason ?? "")).toBeLessThanOrEqual(123);
  }
});
