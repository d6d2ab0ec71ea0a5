import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { COLLEAGUE, OTHER_WORKSPACE, SEED, SELF, STRANGER, WORKSPACE } from "./access-matrix.ts";
import { type MigratedDatabase, makeId, readSqlState, runAs, TARGETS } from "./database-targets.ts";

const OWN = { user: SELF, workspace: WORKSPACE } as const;
const STRANGERS = { user: STRANGER, workspace: OTHER_WORKSPACE } as const;
const WEBHOOK = makeId("whk", "1");
const LATE = "due_at = now() - interval '1 hour', sweep_leased_until = null";

describe.each(TARGETS)("rows of webhooks on $name", (target) => {
  let database: MigratedDatabase;
  beforeAll(async () => {
    database = await target.start();
    await database.owner.query(SEED.map((text) => ({ text })));
  });
  beforeEach(async () => {
    await tamper(`delete from webhook_deliveries where seq > 1`);
    await tamper(`delete from webhooks where id <> '${WEBHOOK}'`);
    await tamper(`update webhooks set is_active = true, inactive_reason = null, deleted_at = null,
      secret_erased_at = null, due_at = null, sweep_leased_until = null`);
  });
  afterAll(() => database?.stop());

  const tamper = (text: string) => runAs(database.owner, null, text);
  const asOwner = (text: string, params: readonly string[] = []) => runAs(database.app, OWN, text, params);
  const call = (text: string, params: readonly string[] = []) => runAs(database.app, null, text, params);
  const deliver = (seq: number, context: typeof OWN | typeof STRANGERS = OWN) =>
    runAs(
      database.app,
      context,
      `insert into webhook_deliveries (id, webhook_id, workspace_id, seq, event, payload, next_attempt_at)
        values ($1, '${WEBHOOK}', $2, $3, 'apikey.created', '{}', now()) on conflict do nothing returning seq`,
      [makeId("msg", "7", String(seq)), context.workspace, String(seq)],
    );

  test("a webhook is told of an event once, however often it is handed over", async () => {
    expect((await deliver(301)).length).toBe(1);
    expect(await deliver(301)).toEqual([]);
  });

  test("nobody hands an event to another workspace's webhook", async () => {
    expect(await readSqlState(deliver(302, STRANGERS))).toBe("23503");
  });

  test("nobody makes a webhook in a colleague's name", async () => {
    const text = `insert into webhooks (id, workspace_id, url, events, secret_ref, created_by)
      values ($1, '${WORKSPACE}', 'https://a.example/', '{apikey.*}', 'vault:kv/data/aurora/c', '${COLLEAGUE}')`;
    expect(await readSqlState(asOwner(text, [makeId("whk", "3")]))).toBe("42501");
  });

  test.each([
    ["a secret where a reference belongs", "'https://a.example/'", "'whsec_abc'", "'{apikey.*}'"],
    ["an address that is no address", "'javascript:alert(1)'", "'vault:kv/data/aurora/d'", "'{apikey.*}'"],
    ["no events", "'https://a.example/'", "'vault:kv/data/aurora/d'", "'{}'"],
  ])("%s is refused", async (_what, url, ref, events) => {
    const text = `insert into webhooks (id, workspace_id, url, events, secret_ref, created_by)
      values ($1, '${WORKSPACE}', ${url}, ${events}, ${ref}, '${SELF}')`;
    expect(await readSqlState(asOwner(text, [makeId("whk", "4")]))).toBe("23514");
  });

  test("one that was deleted is not active, and one whose secret is gone is never changed again", async () => {
    expect(await readSqlState(asOwner("update webhooks set deleted_at = now()"))).toBe("23514");
    await asOwner("update webhooks set deleted_at = now(), is_active = false");
    await asOwner("update webhooks set secret_erased_at = now()");
    expect(await asOwner("update webhooks set deleted_at = null, secret_erased_at = null returning id")).toEqual([]);
  });

  test("only what is late, and active or to be erased, is leased, and to one sweep", async () => {
    const lease = () => call("select id, workspace_id from lease_due_webhooks('10', '60')");
    expect(await lease()).toEqual([]);
    await tamper("update webhooks set due_at = now() - interval '20 seconds'");
    expect(await lease()).toEqual([]);
    await tamper(`update webhooks set ${LATE}`);
    expect((await Promise.all([lease(), lease()])).flat()).toEqual([{ id: WEBHOOK, workspace_id: WORKSPACE }]);
    await tamper(`update webhooks set ${LATE}, is_active = false, inactive_reason = 'paused'`);
    expect(await lease()).toEqual([]);
    await tamper(`update webhooks set ${LATE}, inactive_reason = null, deleted_at = now()`);
    expect((await lease()).length).toBe(1);
  });

  test("a purge takes what is a month old, and webhooks whose secret is gone for so long with what they were sent", async () => {
    const purge = (kind: string) => call("select purge_retired($1, '100') as n", [kind]).then(([row]) => row?.["n"]);
    const age = (seq: number, days: number, waits: number) =>
      tamper(`update webhook_deliveries set created_at = now() - interval '${days} days',
        next_attempt_at = now() - interval '${waits} days' where seq = ${seq}`);
    for (const seq of [401, 402, 403]) await deliver(seq);
    await age(401, 31, 8);
    await age(402, 29, 8);
    // Replayed: it may still be sent.
    await age(403, 31, 6);
    expect([await purge("webhook_deliveries"), await purge("webhook_deliveries")]).toEqual([1, 0]);
    expect(await tamper("select seq::int from webhook_deliveries where seq > 1 order by seq")).toEqual([
      { seq: 402 },
      { seq: 403 },
    ]);
    await tamper("update webhooks set is_active = false, deleted_at = now() - interval '40 days'");
    expect(await purge("webhooks")).toBe(0);
    await asOwner("update webhooks set secret_erased_at = now() - interval '40 days'");
    expect(await purge("webhooks")).toBe(0);
    await tamper("update webhooks set secret_erased_at = now() - interval '40 days'");
    expect(await purge("webhooks")).toBe(1);
    expect(await tamper("select id from webhooks union all select id from webhook_deliveries")).toEqual([]);
    const noted = "select kind, sum(count)::int as n from retention_ledger group by kind order by kind";
    expect(await tamper(noted)).toEqual([
      { kind: "webhook_deliveries", n: 4 },
      { kind: "webhooks", n: 1 },
    ]);
  });
});
