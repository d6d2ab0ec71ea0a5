import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/domain/audit-chain.ts";
import { parseAuditEntry } from "../../src/domain/audit-entry.ts";
import type { AuditEntry } from "../../src/domain/audit-event.ts";

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
