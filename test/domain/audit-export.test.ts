import { describe, expect, test } from "vitest";
import type { AuditEvent } from "../../src/domain/audit-event.ts";
import { EVENT_WRITERS, quoteCell } from "../../src/domain/audit-export.ts";

const EVENT: AuditEvent = {
  seq: 7,
  at: "2026-11-22T10:00:00.123Z",
  action: "user.login",
  outcome: "success",
  actor: { type: "user", id: "usr_1", via: "key_1" },
  resource: { type: "connection", id: "con_1", provider: "gcp" },
  ip: "192.0.2.1",
  request_id: "req_1",
  detail: { text: 'say "hi", twice' },
  hash: "a".repeat(64),
};

describe("a cell", () => {
  test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"])(
    "that begins as %j is no formula",
    (text) => {
      expect(quoteCell(text).replace(/^"/, "")).toMatch(/^'/);
    },
  );

  test.each([
    ["plain", "plain"],
    ["", ""],
    ["a,b", '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ["two\r\nlines", '"two\r\nlines"'],
    ["=a,b", `"'=a,b"`],
    ["1=1", "1=1"],
    ["'already", "'already"],
  ])("%j is written as %j", (text, written) => {
    expect(quoteCell(text)).toBe(written);
  });
});

describe("an event", () => {
  test("is a row with the columns of the header", () => {
    const { head, write } = EVENT_WRITERS.csv;
    expect(head).toBe(
      "seq,at,action,outcome,actor_type,actor_id,actor_via,resource_type,resource_id,resource_provider,ip,request_id,detail,hash\r\n",
    );
    expect(write(EVENT)).toBe(
      `7,2026-11-22T10:00:00.123Z,user.login,success,user,usr_1,key_1,connection,con_1,gcp,192.0.2.1,req_1,"{""text"":""say \\""hi\\"", twice""}",${EVENT.hash}\r\n`,
    );
  });

  test("that names nothing has empty cells", () => {
    const nothing = {
      ...EVENT,
      actor: { type: "anonymous", id: null },
      resource: null,
      ip: null,
      request_id: null,
      detail: {},
    };
    expect(EVENT_WRITERS.csv.write(nothing as AuditEvent)).toBe(
      `7,2026-11-22T10:00:00.123Z,user.login,success,anonymous,,,,,,,,{},${EVENT.hash}\r\n`,
    );
  });

  test("is a line of JSON, whatever is in it", () => {
    const { head, write } = EVENT_WRITERS.jsonl;
    const line = write({ ...EVENT, detail: { text: "a\nb\u2028c" } });
    expect(head).toBe("");
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({ ...EVENT, detail: { text: "a\nb\u2028c" } });
  });
});
