import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  type AuditRow,
  canonicalJson,
  chainEvent,
  EMPTY_CHAIN,
  GENESIS_HASH,
  isNextRow,
  requireChain,
} from "../../src/domain/audit-chain.ts";
import type { AuditEntry } from "../../src/domain/audit-event.ts";

const sha256 = async (text: string) => createHash("sha256").update(text).digest("hex");
const AT = "2026-11-22T10:00:00.123Z";

const LOGIN: AuditEntry = {
  action: "user.login",
  outcome: "success",
  actor: { type: "user", id: "usr_1" },
  resource: { type: "session", id: "ses_1" },
  ip: "192.0.2.1",
  requestId: "req_1",
  detail: {},
};
const withDetail = (text: unknown): AuditEntry => ({ ...LOGIN, detail: { text } });

describe("canonical JSON", () => {
  test("orders members by code unit at every depth and has no whitespace", () => {
    expect(canonicalJson({ b: [1, { z: null, Z: true, é: "x" }], a: "y" })).toBe(
      '{"a":"y","b":[1,{"Z":true,"z":null,"é":"x"}]}',
    );
  });

  test("is the same for the same members in another order", () => {
    expect(canonicalJson({ a: 1, b: { c: 2, d: 3 } })).toBe(canonicalJson({ b: { d: 3, c: 2 }, a: 1 }));
  });

  test.each([
    ["absent", {}],
    ["undefined", { a: undefined }],
  ])("leaves out what is %s", (_, value) => {
    expect(canonicalJson(value)).toBe("{}");
  });

  test.each([
    [{ a: "1" }, { a: 1 }],
    [{ a: null }, {}],
    [{ a: [] }, { a: {} }],
    [{ "a,b": 1 }, { a: 1, b: 1 }],
    [{ a: '","b":"' }, { a: "", b: "" }],
  ])("tells %j from %j", (one, other) => {
    expect(canonicalJson(one)).not.toBe(canonicalJson(other));
  });
});

describe("chaining", () => {
  test("the first event is number 1 and follows 64 zeros", async () => {
    const event = await chainEvent(EMPTY_CHAIN, LOGIN, AT, sha256);
    expect(event).toMatchObject({ seq: 1, prevHash: GENESIS_HASH, hash: await sha256(GENESIS_HASH + event.text) });
    expect(GENESIS_HASH).toBe("0".repeat(64));
  });

  test("the text holds every field a client sees, and no other", async () => {
    const { text } = await chainEvent(EMPTY_CHAIN, LOGIN, AT, sha256);
    expect(JSON.parse(text)).toEqual({
      seq: 1,
      at: AT,
      action: "user.login",
      outcome: "success",
      actor: { type: "user", id: "usr_1" },
      resource: { type: "session", id: "ses_1" },
      ip: "192.0.2.1",
      request_id: "req_1",
      detail: {},
    });
  });
});

describe("a row is accepted only as it was written", () => {
  const HEAD = { seq: 4, hash: "a".repeat(64) };

  async function rowAfter(change: (row: AuditRow) => Partial<AuditRow> = () => ({})): Promise<AuditRow> {
    const event = await chainEvent(HEAD, withDetail("fact"), AT, sha256);
    const row = { ...event, columns: JSON.parse(event.text) };
    return { ...row, ...change(row) };
  }

  test("an untouched row is the next one", async () => {
    expect(await isNextRow(HEAD, await rowAfter(), sha256)).toBe(true);
  });

  test.each(["at", "action", "outcome", "actor", "resource", "ip", "request_id", "detail", "seq"])(
    "an edited column %s is found although the text was left alone",
    async (column) => {
      const row = await rowAfter(({ columns }) => ({ columns: { ...columns, [column]: "edited" } }));
      expect(await isNextRow(HEAD, row, sha256)).toBe(false);
    },
  );

  test.each<[string, Partial<AuditRow>]>([
    ["an edited text", { text: "{}" }],
    ["another hash", { hash: "b".repeat(64) }],
    ["another previous hash", { prevHash: "b".repeat(64) }],
    ["another number", { seq: 6 }],
    ["the number before it", { seq: 4 }],
  ])("%s is found", async (_, change) => {
    expect(await isNextRow(HEAD, await rowAfter(() => change), sha256)).toBe(false);
  });

  test("an edit that was hashed anew is found by its successor", async () => {
    const event = await chainEvent(HEAD, withDetail("forged"), AT, sha256);
    const next = await rowAfter();
    expect(await isNextRow({ seq: event.seq, hash: event.hash }, { ...next, seq: 6 }, sha256)).toBe(false);
  });
});

test.each([
  "",
  "wsp_",
  "usr_0123456789abcdef0123456789abcdef",
  "wsp_UNAUTHENTICATED",
  "wsp_0123456789abcdef0123456789abcdeg",
])("there is no chain %j", (name) => {
  expect(() => requireChain(name)).toThrow();
});
