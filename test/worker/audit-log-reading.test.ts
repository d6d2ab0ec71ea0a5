import { describe, expect, test } from "vitest";
import { listAuditEvents } from "../../src/services/audit/list-audit-events.ts";
import { verifyAuditChain } from "../../src/services/audit/verify-audit-chain.ts";
import { ALL, deps, FAILED, LOGIN, openWorkspace } from "../support/worker-audit-log.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";

describe("what is read back", () => {
  test("is what was recorded, with its number, time and hash", async () => {
    const { scope, chain } = openWorkspace();
    await deps.audit.record(chain, LOGIN);
    const { events } = await listAuditEvents(deps, scope, ALL);
    const { requestId, ...rest } = LOGIN;
    expect(events).toEqual([
      {
        ...rest,
        request_id: requestId,
        seq: 1,
        at: expect.stringMatching(/^\d{4}-.*T.*\.\d{3}Z$/),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  test("verifies whatever strange things were in it", async () => {
    const { scope, chain } = openWorkspace();
    const strange = {
      z: 1.5e-7,
      a: 1e21,
      n: -0,
      b: [null, true, { é: "😀", E: "\ud800" }],
      "": '\r\n\u001b[31m"}',
      t: "\u0000\\u0000",
    };
    await deps.audit.record(chain, { ...LOGIN, resource: null, ip: null, requestId: null, detail: strange });
    await deps.audit.record(chain, { ...LOGIN, ip: "'; drop table audit_events; --" });
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 2, firstBadSeq: null });
    expect(JSON.stringify((await listAuditEvents(deps, scope, ALL)).events)).not.toMatch(/\\u001b|\\r|\\n/);
  });

  test("is of one's own workspace only", async () => {
    const one = openWorkspace();
    const other = openWorkspace();
    await deps.audit.record(one.chain, LOGIN);
    await one.log.flush();
    expect(await listAuditEvents(deps, other.scope, ALL)).toEqual({ events: [], next: null });
  });

  test("can be narrowed to an action and to a person, and paged", async () => {
    const { scope, chain } = openWorkspace();
    const people = ["usr_a", "usr_b", "usr_a"].map((id) => ({ ...LOGIN, actor: { type: "user" as const, id } }));
    for (const entry of people) await deps.audit.record(chain, entry);
    await deps.audit.record(chain, FAILED);
    const seqs = async (filter: object) =>
      (await listAuditEvents(deps, scope, { ...ALL, ...filter })).events.map(({ seq }) => seq);
    expect(await seqs({ actor: "usr_a" })).toEqual([1, 3]);
    expect(await seqs({ action: "auth.failed" })).toEqual([4]);
    expect(await seqs({ action: "auth.failed", actor: "usr_a" })).toEqual([]);
    expect(await seqs({ after: 2, limit: 1 })).toEqual([3]);
  });
});

describe("tampering with the table is found", () => {
  async function fiveEvents() {
    const workspace = openWorkspace();
    await workspace.log.append(
      workspace.chain,
      Array.from({ length: 5 }, () => LOGIN),
    );
    expect(await verifyAuditChain(deps, workspace.scope)).toMatchObject({ ok: true, events: 5 });
    return workspace;
  }

  test.each<[string, string, number]>([
    ["an edited address", "update audit_events set ip = '198.51.100.1' where workspace_id = $1 and seq = 3", 3],
    [
      "an edited actor",
      `update audit_events set actor = '{"type":"user","id":"usr_9"}' where workspace_id = $1 and seq = 2`,
      2,
    ],
    [
      "a time moved by a microsecond",
      "update audit_events set at = at + interval '1 microsecond' where workspace_id = $1 and seq = 4",
      4,
    ],
    ["an emptied resource", "update audit_events set resource = null where workspace_id = $1 and seq = 4", 4],
    ["an edited text", "update audit_events set event = event || ' ' where workspace_id = $1 and seq = 1", 1],
    ["an edited hash", "update audit_events set hash = repeat('0', 64) where workspace_id = $1 and seq = 5", 5],
    ["a deleted row", "delete from audit_events where workspace_id = $1 and seq = 3", 3],
    ["the end cut off", "delete from audit_events where workspace_id = $1 and seq > 3", 4],
    ["a row moved to the end", "update audit_events set seq = 6 where workspace_id = $1 and seq = 2", 2],
    [
      "a row copied to the end",
      `insert into audit_events select workspace_id, 6, at, action, outcome, actor, resource, ip,
      request_id, detail, prev_hash, hash, event from audit_events where workspace_id = $1 and seq = 5`,
      6,
    ],
  ])("%s", async (_, statement, firstBadSeq) => {
    const { scope, chain } = await fiveEvents();
    await queryAsOwner(statement, [chain]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: false, firstBadSeq });
  });
});
