import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  type AuditRow,
  canonicalJson,
  chainEvent,
  EMPTY_CHAIN,
  GENESIS_HASH,
  isNextRow,
  parseAuditEntry,
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

describe("an entry is cleaned before it is kept", () => {
  test.each([
    ["CRLF", "a\r\nb", "ab"],
    ["an ANSI colour", "\u001b[31mred\u001b[0m", "[31mred[0m"],
    ["C1 controls", "a\u0085\u009bb", "ab"],
    ["NUL and DEL", "a\u0000\u007fb", "ab"],
    ["line and paragraph separators", "a\u2028\u2029b", "ab"],
    ["zero-width characters", "a\u200b\u200c\u200d\u2060\ufeffb", "ab"],
    ["direction overrides", "a\u202eb\u2066c\u2069", "abc"],
    ["tag characters", "a\u{e0041}b", "ab"],
    ["half of a surrogate pair", "a\ud800b", "a\ufffdb"],
    ["JSON that tries to end the text", '","outcome":"success', '","outcome":"success'],
  ])("%s", (_, given, kept) => {
    expect(parseAuditEntry(withDetail(given)).detail).toEqual({ text: kept });
  });

  test("every text of it, names of details too", () => {
    const dirty = {
      ...LOGIN,
      actor: { type: "user", id: "u\n1", via: "k\n1" },
      resource: { type: "connection", id: "c\n1", provider: "p\n1" },
      ip: "1\n1",
      requestId: "r\n1",
      detail: { "n\n1": ["x\n1", { y: "z\n1" }] },
    };
    expect(JSON.stringify(parseAuditEntry(dirty))).not.toContain("\\n");
  });

  test("a long text is cut to 512 characters and stays well formed", () => {
    const { text } = parseAuditEntry(withDetail(`${"x".repeat(511)}😀😀`)).detail as { text: string };
    expect(text).toHaveLength(512);
    expect(text.isWellFormed()).toBe(true);
  });

  test.each([
    ["NaN", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["a big integer", 10n],
    ["a function", () => 1],
    ["what is nested too deep", { a: { a: { a: { a: { a: 1 } } } } }],
  ])("%s does not reach the hash", (_, value) => {
    const { detail } = parseAuditEntry(withDetail(value));
    expect(JSON.parse(canonicalJson(detail))).toEqual(detail);
  });

  test("a detail of a thousand members is cut", () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`n${index}`, index]));
    expect(Object.keys(parseAuditEntry({ ...LOGIN, detail: many }).detail)).toHaveLength(32);
  });
});

describe("an entry of an unknown shape is refused", () => {
  test.each<[string, unknown]>([
    ["nothing", null],
    ["a text", "user.login"],
    ["an unknown action", { ...LOGIN, action: "user.hacked" }],
    ["an unknown outcome", { ...LOGIN, outcome: "maybe" }],
    ["an unknown kind of actor", { ...LOGIN, actor: { type: "root", id: null } }],
    ["an unknown kind of resource", { ...LOGIN, resource: { type: "secret", id: null } }],
    ["a number of its own", { ...LOGIN, seq: 7 }],
    ["an extra member in the actor", { ...LOGIN, actor: { ...LOGIN.actor, password: "x" } }],
    ["an extra member in the resource", { ...LOGIN, resource: { ...LOGIN.resource, path: "x" } }],
    ["a detail that is a list", { ...LOGIN, detail: [] }],
    ["no detail", { ...LOGIN, detail: undefined }],
    ["an address that is no text", { ...LOGIN, ip: 5 }],
  ])("%s", (_, entry) => {
    expect(() => parseAuditEntry(entry)).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });

  test("the refusal does not repeat what was sent", () => {
    expect(() => parseAuditEntry({ ...LOGIN, action: "hunter2" })).not.toThrow(/hunter2/);
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
