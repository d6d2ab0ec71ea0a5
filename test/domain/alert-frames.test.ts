import { describe, expect, test } from "vitest";
import { countFrame, isTooBig, parseClientFrame, toEventFrame } from "../../src/domain/alert-frames.ts";

describe("an event's frame", () => {
  test("is the event and its hash, whatever is in it", () => {
    const text = JSON.stringify({ action: "user.login", detail: { type: "mine", é: "😀" }, seq: 7 });
    const frame = toEventFrame({ seq: 7, text, prevHash: "p", hash: "h" });
    expect(frame).toMatchObject({ seq: 7, action: "user.login" });
    expect(JSON.parse(frame.text)).toEqual({ type: "event", ...JSON.parse(text), hash: "h" });
    expect(frame.bytes).toBe(Buffer.byteLength(frame.text));
  });
});

describe("a client's frame", () => {
  test("is a ping or a filter, whatever else is in it", () => {
    expect(parseClientFrame('{"type":"ping","id":1}')).toEqual({ type: "ping" });
    const actions = ["user.login", "token.read"];
    expect(parseClientFrame(JSON.stringify({ type: "filter", actions }))).toEqual({ type: "filter", actions });
    expect(parseClientFrame(JSON.stringify({ type: "filter", actions: [...actions, ...actions] }))).toEqual({
      type: "filter",
      actions,
    });
    expect(parseClientFrame('{"type":"filter","actions":[]}')).toEqual({ type: "filter", actions: [] });
  });

  test.each([
    "",
    "ping",
    "null",
    "1",
    "[]",
    "{}",
    '{"type":"pong"}',
    '{"type":["ping"]}',
    '{"type":"filter","actions":"user.login"}',
    '{"type":"filter","actions":["*"]}',
    '{"type":"filter","actions":[1]}',
    "[".repeat(30_000),
  ])("is nothing else: %j", (text) => {
    expect(parseClientFrame(text)).toBeNull();
  });

  test("may have 64 KiB in UTF-8", () => {
    expect(isTooBig("x".repeat(65_536))).toBe(false);
    expect(isTooBig("x".repeat(65_537))).toBe(true);
    expect(isTooBig("é".repeat(32_768))).toBe(false);
    expect(isTooBig("é".repeat(32_769))).toBe(true);
  });

  test("may come five times in any minute", () => {
    const limit = { limit: 5, windowSeconds: 60 };
    let times: readonly number[] = [];
    for (const atMs of [0, 1, 2, 3, 4]) times = countFrame(times, atMs, limit) ?? [];
    expect(times).toHaveLength(5);
    expect(countFrame(times, 5, limit)).toBeNull();
    expect(countFrame(times, 59_999, limit)).toBeNull();
    expect(countFrame(times, 60_000, limit)).toEqual([1, 2, 3, 4, 60_000]);
    expect(countFrame(times, 999_999, limit)).toEqual([999_999]);
  });
});
