import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { runCron } from "../../src/cron.ts";
import { createDeps } from "../../src/deps.ts";
import { newKey, newPerson, type Person, readAudit, send } from "../support/worker-client.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";
import { type Network, watchNetwork } from "../support/worker-network.ts";
import {
  connectReceiver,
  isSignedWith,
  openReceiver,
  playReceivers,
  type Receiver,
  readDeliveries,
  SOON,
  WEBHOOKS,
} from "../support/worker-webhooks.ts";

const bindings = env as unknown as Bindings;
const deps = createDeps(bindings, { waitUntil: () => undefined });

let network: Network;
beforeAll(async () => {
  await send("GET", "/health/liveness");
});
beforeEach(() => {
  network = watchNetwork(playReceivers);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const arrivals = (receiver: Receiver, count: number) => expect.poll(() => receiver.received.length, SOON).toBe(count);
const senderOf = (id: string) => bindings.WEBHOOK_SENDER.get(bindings.WEBHOOK_SENDER.idFromName(id));
const logOf = (person: Person) => bindings.AUDIT_LOG.get(bindings.AUDIT_LOG.idFromName(person.workspaceId));
/** An object whose alarm keeps coming is not evicted; in earnest the alarm would outlive it. */
const loseAlarm = (object: DurableObjectStub) => runInDurableObject(object, (_, { storage }) => storage.deleteAlarm());
/** Waits until a run of the sender has come to nothing: then it is at rest for a second at least. */
const failed = (id: string) =>
  expect
    .poll(
      () =>
        runInDurableObject(senderOf(id), (_, { storage }) =>
          JSON.stringify([...storage.sql.exec("select * from record")]),
        ),
      SOON,
    )
    .toMatch(/failures[^,]*[1-9]/);

describe("an event", () => {
  test("arrives signed, with ids only, and the page of deliveries says so", async () => {
    const ada = await newPerson();
    const receiver = openReceiver();
    receiver.answers.push(() => new Response("a body of the receiver's own", { status: 202 }));
    const { id, secret } = await connectReceiver(ada, receiver);
    const key = await newKey(ada, ["tokens:read"]);
    await arrivals(receiver, 1);
    const [message] = receiver.received;
    if (message === undefined) throw new Error("nothing arrived");
    expect(isSignedWith(secret, message)).toBe(true);
    expect(message.headers.get("content-type")).toBe("application/json");
    expect(message.body).toMatchObject({
      type: "apikey.created",
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        ...{ workspace_id: ada.workspaceId, actor: { type: "user", id: ada.id } },
        ...{ resource: { type: "api_key", id: key.id }, detail: { permissions: ["tokens:read"] } },
      },
    });
    expect(message.text).not.toContain(key.secret);
    expect(message.text).not.toContain(ada.email);
    await expect.poll(async () => (await readDeliveries(ada, id))[0]?.["status"], SOON).toBe("delivered");
    const [delivery] = await readDeliveries(ada, id);
    expect(delivery).toMatchObject({
      ...{ id: message.id, webhook_id: id, event: "apikey.created", seq: message.body.data.seq, attempts: 1 },
      ...{ last_status: 202, last_error: null, next_attempt_at: null, delivered_at: expect.any(String) },
    });
    expect(JSON.stringify(delivery)).not.toMatch(/body of the receiver|whsec_/);
    expect((await readAudit(ada, "apikey.created")).map(({ seq }) => seq)).toEqual([message.body.data.seq]);
  });

  test("is told to every webhook that asked for it, to nobody who did not, and to no other workspace", async () => {
    const [ada, eve] = [await newPerson(), await newPerson()];
    const [all, some, foreign] = [openReceiver(), openReceiver(), openReceiver()];
    await connectReceiver(ada, all);
    await connectReceiver(ada, some, ["apikey.revoked"]);
    await connectReceiver(eve, foreign);
    const key = await newKey(ada);
    expect((await ada.call("DELETE", `/api/v1/auth/api-keys/${key.id}`)).status).toBe(204);
    await arrivals(all, 2);
    await arrivals(some, 1);
    expect(all.received.map(({ body }) => body.type)).toEqual(["apikey.created", "apikey.revoked"]);
    expect(some.received.map(({ body }) => body.type)).toEqual(["apikey.revoked"]);
    expect(new Set([...all.received, ...some.received].map(({ id }) => id)).size).toBe(3);
    expect(foreign.received).toEqual([]);
  });

  test("that fails is sent again under the same id with a new signature, and a redirect is not followed", async () => {
    const ada = await newPerson();
    const receiver = openReceiver();
    const elsewhere = openReceiver();
    receiver.answers.push(() => Response.redirect(elsewhere.url, 307));
    const { id, secret } = await connectReceiver(ada, receiver);
    await newKey(ada);
    await arrivals(receiver, 1);
    await expect
      .poll(async () => (await readDeliveries(ada, id))[0], SOON)
      .toMatchObject({
        ...{ status: "pending", attempts: 1, last_status: 307, next_attempt_at: expect.any(String) },
      });
    await arrivals(receiver, 2);
    const [first, second] = receiver.received;
    expect([first?.id, first?.text]).toEqual([second?.id, second?.text]);
    expect(receiver.received.every((message) => isSignedWith(secret, message))).toBe(true);
    expect(elsewhere.received).toEqual([]);
  });

  test("is sent again when an admin asks, by either path, under the same id", async () => {
    const ada = await newPerson();
    const receiver = openReceiver();
    const { id } = await connectReceiver(ada, receiver);
    await newKey(ada);
    await arrivals(receiver, 1);
    const [delivery] = await readDeliveries(ada, id);
    const first = await ada.call("POST", `${WEBHOOKS}/${id}/deliveries/${delivery?.["id"]}/replay`);
    expect(first).toMatchObject({ status: 202, body: { id: delivery?.["id"], status: "pending", attempts: 0 } });
    await arrivals(receiver, 2);
    expect((await ada.call("POST", `${WEBHOOKS}/deliveries/${delivery?.["id"]}/replay`, {})).status).toBe(202);
    await arrivals(receiver, 3);
    expect(new Set(receiver.received.map((message) => message.id)).size).toBe(1);
    const other = await connectReceiver(ada, openReceiver());
    expect((await ada.call("POST", `${WEBHOOKS}/${other.id}/deliveries/${delivery?.["id"]}/replay`)).status).toBe(404);
    await ada.call("PATCH", `${WEBHOOKS}/${id}`, { active: false });
    const paused = await ada.call("POST", `${WEBHOOKS}/${id}/deliveries/${delivery?.["id"]}/replay`);
    expect(paused).toMatchObject({ status: 409, body: { code: "conflict" } });
  });

  test("is never sent to an address that may not be called, though the row came to hold it", async () => {
    const ada = await newPerson();
    const { id } = await connectReceiver(ada, openReceiver());
    await queryAsOwner("update webhooks set url = 'http://169.254.169.254/latest/meta-data' where id = $1", [id]);
    await newKey(ada);
    await expect
      .poll(async () => (await readDeliveries(ada, id))[0], SOON)
      .toMatchObject({
        ...{ status: "pending", attempts: 1, last_status: null, last_error: "refused" },
      });
    expect(network.count("169.254")).toBe(0);
  });
});

describe("a webhook that is silent comes back by an admin's hand", () => {
  test("when its receiver asked for an hour: at another address at once, the log saying what was done", async () => {
    const ada = await newPerson();
    const [overloaded, healthy] = [openReceiver(), openReceiver()];
    overloaded.answers.push(() => new Response(null, { status: 429, headers: { "retry-after": "3600" } }));
    const { id } = await connectReceiver(ada, overloaded);
    await newKey(ada);
    await expect.poll(async () => (await readDeliveries(ada, id))[0], SOON).toMatchObject({ last_status: 429 });
    expect((await ada.call("PATCH", `${WEBHOOKS}/${id}`, { url: healthy.url })).status).toBe(200);
    await arrivals(healthy, 1);
    const [delivery] = await readDeliveries(ada, id);
    healthy.answers.push(() => new Response(null, { status: 503, headers: { "retry-after": "3600" } }));
    const replay = () => ada.call("POST", `${WEBHOOKS}/${id}/deliveries/${delivery?.["id"]}/replay`);
    expect((await replay()).status).toBe(202);
    await expect.poll(async () => (await readDeliveries(ada, id))[0], SOON).toMatchObject({ last_status: 503 });
    expect((await replay()).status).toBe(202);
    await arrivals(healthy, 3);
    expect(overloaded.received).toHaveLength(1);
    expect((await readAudit(ada, "webhook.created")).map(({ detail }) => detail)).toMatchObject([
      { host: new URL(overloaded.url).host },
      { change: "updated", fields: ["url"], host: new URL(healthy.url).host },
      { change: "replayed", delivery: delivery?.["id"], event: "apikey.created", seq: delivery?.["seq"] },
      { change: "replayed", delivery: delivery?.["id"] },
    ]);
  });

  test("when its secret is gone from Vault: the page says so, and a rotation sends what waited", async () => {
    const ada = await newPerson();
    const receiver = openReceiver();
    const { id } = await connectReceiver(ada, receiver);
    const place = { mount: "aurora", path: `users/aurora-test-${ada.workspaceId}-webhook-${id}-secret` };
    await deps.secrets.erase(place);
    await newKey(ada);
    await expect
      .poll(async () => (await readDeliveries(ada, id))[0], SOON)
      .toMatchObject({ status: "pending", attempts: 1, last_status: null, last_error: "unsigned" });
    expect((await ada.call("GET", WEBHOOKS)).body.webhooks).toMatchObject([{ failing_since: expect.any(String) }]);
    expect(receiver.received).toEqual([]);
    const { secret } = (await ada.call("POST", `${WEBHOOKS}/${id}/rotate`, {})).body;
    await arrivals(receiver, 1);
    expect(receiver.received.every((message) => isSignedWith(secret, message))).toBe(true);
  });
});

describe("nothing is lost and nothing said twice", () => {
  test("when Postgres is away and the log is evicted before it could hand the event over", async () => {
    const ada = await newPerson();
    const receiver = openReceiver();
    const { id } = await connectReceiver(ada, receiver);
    const key = await newKey(ada);
    await arrivals(receiver, 1);
    network.fail("postgres", 503);
    await deps.audit.record(ada.workspaceId, {
      ...{ action: "apikey.revoked", outcome: "success", actor: { type: "user", id: ada.id } },
      ...{ resource: { type: "api_key", id: key.id }, ip: null, requestId: null, detail: {} },
    });
    await runDurableObjectAlarm(logOf(ada));
    await loseAlarm(logOf(ada));
    await evictDurableObject(logOf(ada));
    network.mend();
    await runInDurableObject(logOf(ada), (_, { storage }) => storage.setAlarm(Date.now() + 1000));
    await arrivals(receiver, 2);
    expect(receiver.received[1]?.body).toMatchObject({ type: "apikey.revoked", data: { resource: { id: key.id } } });
    expect(await readDeliveries(ada, id)).toHaveLength(2);
  });

  test("when the sender is evicted, and its alarm lost, between the hand-over and the sending", async () => {
    const ada = await newPerson();
    const receiver = openReceiver();
    const { id } = await connectReceiver(ada, receiver);
    network.fail("vault", 503);
    await newKey(ada);
    await expect.poll(async () => (await readDeliveries(ada, id)).length, SOON).toBe(1);
    await failed(id);
    await loseAlarm(senderOf(id));
    await evictDurableObject(senderOf(id));
    network.mend();
    await queryAsOwner("update webhooks set due_at = now() - interval '1 minute' where id = $1", [id]);
    expect(receiver.received).toEqual([]);
    await runCron("* * * * *", deps);
    await arrivals(receiver, 1);
    await expect.poll(async () => (await readDeliveries(ada, id))[0], SOON).toMatchObject({ status: "delivered" });
    await runDurableObjectAlarm(senderOf(id));
    expect(receiver.received).toHaveLength(1);
  });

  test("when Postgres goes away while the receiver answers, and the sender is evicted before it is back", async () => {
    const ada = await newPerson();
    const receiver = openReceiver();
    receiver.answers.push(() => {
      network.fail("postgres", 503);
      return new Response(null, { status: 200 });
    });
    const { id } = await connectReceiver(ada, receiver);
    await newKey(ada);
    await arrivals(receiver, 1);
    await failed(id);
    await loseAlarm(senderOf(id));
    await evictDurableObject(senderOf(id));
    network.mend();
    await runInDurableObject(senderOf(id), (_, { storage }) => storage.setAlarm(Date.now()));
    await expect.poll(async () => (await readDeliveries(ada, id))[0], SOON).toMatchObject({ status: "delivered" });
    expect(receiver.received).toHaveLength(1);
  });

  test("when a webhook is deleted while Vault is away: its secret is erased once Vault is back", async () => {
    const ada = await newPerson();
    const { id } = await connectReceiver(ada, openReceiver());
    const place = { mount: "aurora", path: `users/aurora-test-${ada.workspaceId}-webhook-${id}-secret` };
    network.fail("vault", 503);
    expect((await ada.call("DELETE", `${WEBHOOKS}/${id}`)).status).toBe(202);
    expect((await ada.call("GET", WEBHOOKS)).body.webhooks).toEqual([]);
    network.mend();
    expect(await deps.secrets.read(place)).not.toBeNull();
    await queryAsOwner("update webhooks set due_at = now() - interval '1 minute' where id = $1", [id]);
    await runCron("* * * * *", deps);
    await expect.poll(() => deps.secrets.read(place), SOON).toBeNull();
  });
});

test("a receiver that is gone ends its webhook, and the workspace can see why", async () => {
  const ada = await newPerson();
  const receiver = openReceiver();
  receiver.answers.push(() => new Response(null, { status: 410 }));
  const { id } = await connectReceiver(ada, receiver);
  await newKey(ada);
  await expect
    .poll(async () => (await ada.call("GET", WEBHOOKS)).body.webhooks[0], SOON)
    .toMatchObject({ active: false, inactive_reason: "gone" });
  expect(await readDeliveries(ada, id)).toMatchObject([{ status: "failed", last_status: 410 }]);
  const ended = await readAudit(ada, "webhook.deleted");
  expect(ended).toMatchObject([
    { actor: { type: "system", id: "webhooks" }, detail: { change: "deactivated", reason: "gone" } },
  ]);
});
