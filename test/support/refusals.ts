import { expect } from "vitest";
import type { Reply } from "./worker-client.ts";

const HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-xss-protection": "1; mode=block",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** What an error must never show: where the code is, how the database is asked, where secrets live. */
const LEAK =
  /\n\s*at |\.[jt]s:\d|node_modules|\bselect\b.+\bfrom\b|insert into|vault:kv|\/data\/|neon|sqlstate|127\.0\.0/i;

/** Requires the headers every answer of ours has. */
export function expectOurHeaders({ headers }: Reply): void {
  for (const [name, value] of Object.entries(HEADERS)) expect(headers.get(name), name).toBe(value);
  expect(headers.get("content-security-policy")).toMatch(/default-src 'none'/);
  expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
}

/** Requires the one shape of an error, and that it shows nothing of how we are built. */
export function expectRefusal(reply: Reply, status: number, code: string): void {
  expect({ status: reply.status, body: reply.body }).toMatchObject({ status, body: { code } });
  expectOurHeaders(reply);
  const { error, request_id, details = [] } = reply.body;
  expect(error).toMatch(/^[A-Z`][^\n]{5,200}[.;]?/);
  expect(request_id).toBe(reply.headers.get("x-request-id"));
  expect(Object.keys(reply.body).filter((key) => !["error", "code", "request_id", "details"].includes(key))).toEqual(
    [],
  );
  for (const detail of details) expect(Object.keys(detail).sort()).toEqual(["message", "path"]);
  expect(reply.text).not.toMatch(LEAK);
}
