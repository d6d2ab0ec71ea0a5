import { beforeEach, expect, test } from "vitest";
import { createHotIdentities } from "../../../src/adapters/memory/hot-identities.ts";
import { createId } from "../../../src/domain/ids.ts";
import type { Principal } from "../../../src/domain/principal.ts";
import { addSeconds, epochSeconds } from "../../../src/domain/time.ts";
import { randomBytes } from "../../support/random-bytes.ts";

const userId = createId("usr", randomBytes);
const sessionId = createId("ses", randomBytes);
const start = epochSeconds(1_800_000_000);
const principal: Principal = {
  id: userId,
  workspaceId: createId("wsp", randomBytes),
  role: "viewer",
  email: "v@example.com",
  name: null,
  permissions: [],
  credential: { kind: "session", sessionId, userId, expiresAt: addSeconds(start, 60), fingerprint: "f" },
  impersonatedBy: null,
};

let seconds: number;
const now = () => addSeconds(start, seconds);
beforeEach(() => {
  seconds = 0;
});

test("a proof is remembered for less than its seconds, counted from when it was asked for", () => {
  const memory = createHotIdentities(5, now);
  const stamp = memory.begin();
  seconds = 2;
  memory.remember("f", principal, stamp, null);
  seconds = 4;
  expect(memory.recall("f")).toBe(principal);
  seconds = 5;
  expect(memory.recall("f")).toBeNull();
  seconds = 4;
  expect(memory.recall("f")).toBeNull();
});

test("a proof of what ends by itself is remembered no longer than that", () => {
  const memory = createHotIdentities(5, now);
  memory.remember("f", principal, memory.begin(), addSeconds(start, 2));
  seconds = 1;
  expect(memory.recall("f")).toBe(principal);
  seconds = 2;
  expect(memory.recall("f")).toBeNull();
});

test("nothing is remembered when it is turned off, nor under another key", () => {
  const off = createHotIdentities(0, now);
  off.remember("f", principal, off.begin(), null);
  expect(off.recall("f")).toBeNull();
  const memory = createHotIdentities(5, now);
  memory.remember("f", principal, memory.begin(), null);
  expect(memory.recall("g")).toBeNull();
});

test.each([{ userId }, { sessionId }])("%j is forgotten at once", (whose) => {
  const memory = createHotIdentities(5, now);
  memory.remember("f", principal, memory.begin(), null);
  memory.forget({ keyId: createId("key", randomBytes) });
  expect(memory.recall("f")).toBe(principal);
  memory.forget(whose);
  expect(memory.recall("f")).toBeNull();
});

test("a proof asked for before something was forgotten is not remembered after it", () => {
  const memory = createHotIdentities(5, now);
  const stamp = memory.begin();
  memory.forget({ userId });
  memory.remember("f", principal, stamp, null);
  expect(memory.recall("f")).toBeNull();
});

test("the oldest makes room when too many are remembered", () => {
  const memory = createHotIdentities(5, now);
  for (let index = 0; index <= 5000; index += 1) memory.remember(String(index), principal, memory.begin(), null);
  expect(memory.recall("0")).toBeNull();
  expect(memory.recall("5000")).toBe(principal);
});
