import { expect, test } from "vitest";
import type { AuditEntry } from "../../src/domain/audit-event.ts";
import { shareEntry } from "../../src/domain/repeated-entry.ts";

const REFUSED: AuditEntry = {
  action: "limit.exceeded",
  outcome: "failure",
  actor: { type: "user", id: "usr_1" },
  resource: { type: "route", id: "GET /api/auth/me" },
  ip: "192.0.2.1",
  requestId: "req_1",
  detail: { limit: "principal", max: 100 },
};

test("two that are the same are that one", () => {
  expect(shareEntry(REFUSED, structuredClone(REFUSED))).toEqual(REFUSED);
});

test("what they differ in is not said, in whichever order they come", () => {
  const other: AuditEntry = {
    ...REFUSED,
    resource: { type: "route", id: "GET /api/v1/users" },
    ip: "192.0.2.2",
    requestId: "req_2",
    detail: { limit: "principal", max: 200, more: true },
  };
  const shared = { ...REFUSED, resource: null, ip: null, requestId: null, detail: { limit: "principal" } };
  expect(shareEntry(REFUSED, other)).toEqual(shared);
  expect(shareEntry(other, REFUSED)).toEqual(shared);
});

test("what was not said of two is not said of a third", () => {
  const elsewhere: AuditEntry = { ...REFUSED, resource: { type: "route", id: "GET /api/v1/users" } };
  expect(shareEntry(shareEntry(REFUSED, elsewhere), elsewhere).resource).toBeNull();
});
