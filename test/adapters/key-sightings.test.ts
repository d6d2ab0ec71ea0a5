import { expect, test } from "vitest";
import { createKeySightings } from "../../src/adapters/key-sightings.ts";
import { createRecentSightings } from "../../src/adapters/memory/recent-sightings.ts";
import type { AuditLogObject } from "../../src/domain/audit-chain.ts";
import { createId } from "../../src/domain/ids.ts";

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const WORKSPACE = createId("wsp", random);
const KEY = createId("key", random);
const DONE = { ok: true, value: { seq: 0, hash: "" } } as const;

function createIsolate(sight: AuditLogObject["sight"] = async () => DONE) {
  const told: string[] = [];
  const deferred: Promise<unknown>[] = [];
  const clock = { ms: 1_800_000_000_000 };
  const sightings = createKeySightings({
    find: () => ({
      sight: (chain, key, ip) => {
        told.push(ip);
        return sight(chain, key, ip);
      },
    }),
    recent: createRecentSightings(2),
    defer: (work) => void deferred.push(work),
    nowMs: () => clock.ms,
  });
  const note = async (ip: string | null, key = KEY) => {
    sightings.note(WORKSPACE, key, ip);
    await Promise.all(deferred);
  };
  return { note, told, clock };
}

test("a network of a key is told once an hour", async () => {
  const { note, told, clock } = createIsolate();
  for (const ip of ["192.0.2.1", "192.0.2.2", "203.0.113.1", "192.0.2.3"]) await note(ip);
  expect(told).toEqual(["192.0.2.1", "203.0.113.1"]);
  clock.ms += 3_600_000;
  await note("192.0.2.9");
  expect(told).toHaveLength(3);
});

test("keys are told apart", async () => {
  const { note, told } = createIsolate();
  await note("192.0.2.1");
  await note("192.0.2.1", createId("key", random));
  expect(told).toHaveLength(2);
});

test.each([null, "", "unknown"])("what is no address is not told: %j", async (ip) => {
  const { note, told } = createIsolate();
  await note(ip);
  expect(told).toEqual([]);
});

test.each([
  ["refuses", async () => ({ ok: false, code: "internal", message: "no", retryAfterSeconds: null }) as const],
  ["does not answer", () => Promise.reject(new Error("gone"))],
])("a log that %s is told again at the next call, and the caller hears nothing of it", async (_, sight) => {
  const { note, told } = createIsolate(sight);
  await note("192.0.2.1");
  await note("192.0.2.1");
  expect(told).toHaveLength(2);
});

test("many networks take no more memory than a few", async () => {
  const { note, told } = createIsolate();
  for (const ip of ["192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.1"]) await note(ip);
  expect(told).toHaveLength(4);
});
