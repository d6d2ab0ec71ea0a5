import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { createDeps } from "../../src/deps.ts";
import { newColleague, newKey, newPerson, type Person, type Reply, readAudit, send } from "../support/worker-client.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";
import { watchNetwork } from "../support/worker-network.ts";
import {
  connectReceiver,
  createWebhook,
  isSignedWith,
  openReceiver,
  playReceivers,
  SOON,
  WEBHOOKS,
} from "../support/worker-webhooks.ts";

const { secrets } = createDeps(env as unknown as Bindings, { waitUntil: () => undefined });

beforeAll(async () => {
  await send("GET", "/health/liveness");
});
beforeEach(() => {
  watchNetwork(playReceivers);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe("a webhook", () => {
  test("is made with a secret that is shown once, and listed, changed and ended without it", async () => {
    const ada = await newPerson();
    const { url } = openReceiver();
    const { status, body } = await createWebhook(ada, url, ["connection.*", "usage.abnormal", "connection.*"]);
    expect([status, body.secret]).toEqual([201, expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/)]);
    const { secret, ...shown } = body;
    expect(shown).toMatchObject({
      ...{ url, events: ["usage.abnormal", "connection.*"], active: true, inactive_reason: null },
      ...{ failing_since: null, created_by: ada.id, id: expect.stringMatching(/^whk_[0-9a-f]{32}$/) },
    });
    const listed = await ada.call("GET", WEBHOOKS);
    expect(listed.body).toEqual({ webhooks: [shown], next: null });
    const changed = await ada.call("PATCH", `${WEBHOOKS}/${body.id}`, { events: ["apikey.created"], active: false });
    expect(changed.body).toMatchObject({ url, events: ["apikey.created"], active: false, inactive_reason: "paused" });
    expect((await ada.call("PATCH", `${WEBHOOKS}/${body.id}`, {})).body).toEqual(changed.body);
    expect((await ada.call("DELETE", `${WEBHOOKS}/${body.id}`)).status).toBe(204);
    expect((await ada.call("DELETE", `${WEBHOOKS}/${body.id}`)).status).toBe(404);
    expect((await ada.call("GET", WEBHOOKS)).body.webhooks).toEqual([]);
    expect([listed.text, changed.text].join()).not.toContain(secret);
  });

  test("is audited by id and host, never by its address or secret", async () => {
    const ada = await newPerson();
    const { url } = openReceiver();
    const { id, secret } = (await createWebhook(ada, `${url}?key=hush-hush`)).body;
    await ada.call("PATCH", `${WEBHOOKS}/${id}`, { active: false });
    await ada.call("POST", `${WEBHOOKS}/${id}/rotate`);
    await ada.call("DELETE", `${WEBHOOKS}/${id}`);
    const made = await readAudit(ada, "webhook.created");
    const ended = await readAudit(ada, "webhook.deleted");
    expect(made).toMatchObject([
      { resource: { type: "webhook", id }, detail: { host: new URL(url).host, events: ["apikey.*"] } },
      { detail: { change: "rotated", grace_seconds: 86_400 } },
    ]);
    expect(ended).toMatchObject([{ detail: { change: "paused", fields: ["isActive"] } }, { resource: { id } }]);
    expect(JSON.stringify([made, ended])).not.toMatch(/hush-hush|whsec_/);
    expect(JSON.stringify([made, ended])).not.toContain(secret);
  });

  test("keeps its secret in Vault alone, and nowhere once it is deleted", async () => {
    const ada = await newPerson();
    const { id, secret } = await connectReceiver(ada, openReceiver());
    const [row] = await queryAsOwner("select * from webhooks where id = $1", [id]);
    expect(JSON.stringify(row)).not.toContain(secret.slice(6));
    const name = `aurora-test-${ada.workspaceId}-webhook-${id}-secret`;
    expect(row?.["secret_ref"]).toBe(`vault:kv/data/aurora/users/${name}`);
    const place = { mount: "aurora", path: `users/${name}` };
    expect((await secrets.read(place))?.data).toEqual({ current: secret, previous: [] });
    await ada.call("DELETE", `${WEBHOOKS}/${id}`);
    expect(await secrets.read(place)).toBeNull();
  });

  test("is one of twenty at most, however many are made at once", async () => {
    const ada = await newPerson();
    const { url } = openReceiver();
    const made = await Promise.all(Array.from({ length: 22 }, () => createWebhook(ada, url)));
    expect(made.filter(({ status }) => status === 201)).toHaveLength(20);
    const refused = made.filter(({ status }) => status !== 201);
    expect(refused.map(({ body }) => body.code)).toEqual(["conflict", "conflict"]);
    expect((await ada.call("GET", `${WEBHOOKS}?limit=200`)).body.webhooks).toHaveLength(20);
  });
});

describe("a webhook is refused", () => {
  let ada: Person;
  beforeAll(async () => {
    ada = await newPerson();
  });
  const refused = (reply: Reply) => expect(reply).toMatchObject({ status: 400, body: { code: "invalid_request" } });

  test.each([
    "http://hooks.example.com/",
    "http://127.0.0.1:9000/",
    "https://localhost/",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://[::1]/",
    "https://169.254.169.254/latest/meta-data",
    "https://metadata.google.internal/",
    "https://10.0.0.1.nip.io/",
    "https://user:password@hooks.example.com/",
    "https://hooks.example.com:22/",
    "ftp://hooks.example.com/",
    "hooks.example.com",
    "",
  ])("with the address %j, at its making and at a change", async (url) => {
    refused(await createWebhook(ada, url));
    const { id } = (await createWebhook(ada, openReceiver().url)).body;
    refused(await ada.call("PATCH", `${WEBHOOKS}/${id}`, { url }));
    await ada.call("DELETE", `${WEBHOOKS}/${id}`);
  });

  test("with an address that escaping makes too long", async () => {
    refused(await createWebhook(ada, `https://hooks.example.com/${"é".repeat(1000)}`));
  });

  test.each([
    ["an event nobody knows", { events: ["apikey.created", "user.login"] }],
    ["every event there is", { events: ["*"] }],
    ["no events", { events: [] }],
    ["events that are no list", { events: "apikey.created" }],
    ["no address", { url: undefined }],
    ["a secret of one's own", { secret: "whsec_abc" }],
  ])("with %s", async (_what, change) => {
    refused(await ada.call("POST", WEBHOOKS, { url: "https://hooks.example.com/", events: ["apikey.*"], ...change }));
  });

  test("to whoever does not manage the workspace", async () => {
    const operator = await newColleague(ada, "operator");
    for (const [method, path] of [
      ["GET", WEBHOOKS],
      ["POST", WEBHOOKS],
    ] as const) {
      expect((await operator.call(method, path, method === "POST" ? {} : undefined)).status).toBe(403);
    }
  });
});

describe("a rotated secret", () => {
  test("signs beside the new one, until one is rotated without grace", async () => {
    const ada = await newPerson();
    const receiver = openReceiver();
    const { id, secret: first } = await connectReceiver(ada, receiver);
    const rotated = await ada.call("POST", `${WEBHOOKS}/${id}/rotate`, { grace_seconds: 600 });
    expect(rotated).toMatchObject({ status: 201, body: { id, previous_secret_until: expect.any(String) } });
    const second: string = rotated.body.secret;
    await newKey(ada);
    await expect.poll(() => receiver.received.length, SOON).toBe(1);
    const third: string = (await ada.call("POST", `${WEBHOOKS}/${id}/rotate`, { grace_seconds: 0 })).body.secret;
    await newKey(ada);
    await expect.poll(() => receiver.received.length, SOON).toBe(2);
    const verdicts = receiver.received.map((message) =>
      [first, second, third].map((one) => isSignedWith(one, message)),
    );
    expect(verdicts).toEqual([
      [true, true, false],
      [false, false, true],
    ]);
  });

  test("keeps at most four before it in their grace", async () => {
    const ada = await newPerson();
    const { id } = await connectReceiver(ada, openReceiver());
    const rotate = async (body?: object) => (await ada.call("POST", `${WEBHOOKS}/${id}/rotate`, body)).status;
    for (let count = 0; count < 4; count += 1) expect(await rotate()).toBe(201);
    expect(await rotate()).toBe(409);
    expect(await rotate({ grace_seconds: 0 })).toBe(201);
    expect(await rotate({ grace_seconds: 604_801 })).toBe(400);
  });

  test("is one of two when two rotate at once, and the other is told", async () => {
    const ada = await newPerson();
    const { id } = await connectReceiver(ada, openReceiver());
    const both = await Promise.all([1, 2].map(() => ada.call("POST", `${WEBHOOKS}/${id}/rotate`)));
    const statuses = both.map(({ status }) => status).sort();
    expect([
      [201, 201],
      [201, 409],
    ]).toContainEqual(statuses);
  });
});
