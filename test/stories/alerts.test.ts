import { afterAll, beforeAll, expect, test } from "vitest";
import { createSearch, findInFiles } from "../support/find-in-files.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { openAlerts } from "./alert-client.ts";
import { alertsUrl, compare, makeEvents, openFollowers, readEvents, settle } from "./alert-load.ts";
import { type Person, register } from "./person.ts";

const LOAD = { sockets: 50, seconds: 6, eventsPerSecond: 10 } as const;
const LIMITS = JSON.stringify({ register_address: 1000, principal: 100_000 });

let stack: Stack;
let person: Person;
beforeAll(async () => {
  stack = await startStack({ env: { RATE_LIMITS: LIMITS } });
  person = await register(stack);
});
afterAll(() => stack?.stop());

test(`${LOAD.sockets} sockets get each event they asked for once, in order, over reconnects and a crash`, async () => {
  const before = (await readEvents(person, 0)).at(-1)?.seq ?? 0;
  const followers = await openFollowers(stack, person, LOAD.sockets, before);
  const halfway = makeEvents(person, LOAD);
  for (const [index, follower] of followers.entries()) setTimeout(follower.drop, (index % 20) * 250);
  await halfway;
  await stack.kill();
  await stack.restart();
  await makeEvents(person, { ...LOAD, seconds: 2 });
  const recorded = await readEvents(person, before);
  await settle(followers, recorded);
  expect(
    followers.map((follower, index) => compare(follower, index, recorded)).filter((wrong) => wrong !== ""),
  ).toEqual([]);
  expect(recorded.length).toBeGreaterThanOrEqual(80);
  for (const follower of followers) expect(follower.opened()).toBeGreaterThanOrEqual(3);
  for (const follower of followers) follower.stop();
});

test("a page opens its socket with the cookie, and no page of another origin does", async () => {
  const cookie = `access_token=${person.session}`;
  const ws = await openAlerts(alertsUrl(stack), { cookie, origin: stack.url });
  ws.close();
  await expect(openAlerts(alertsUrl(stack), { cookie, origin: "https://evil.example" })).rejects.toThrow("refused");
});

test("a client with nothing but an address has a ticket or its token, which no log repeats", async () => {
  const { body } = await person.call("POST", "/api/v1/ws/ticket");
  (await openAlerts(`${alertsUrl(stack)}?ticket=${body.ticket}`, {})).close();
  await expect(openAlerts(`${alertsUrl(stack)}?ticket=${body.ticket}`, {})).rejects.toThrow("refused");
  (await openAlerts(`${alertsUrl(stack)}?token=${person.session}`, {})).close();
  const secrets = [body.ticket, person.session];
  expect(findInFiles(stack.state, createSearch(secrets), [])).toEqual([]);
  expect(secrets.filter((secret) => stack.output().includes(secret) || stack.logs().includes(secret))).toEqual([]);
});

test("a logout closes the sockets of the session within five seconds", async () => {
  const ws = await openAlerts(alertsUrl(stack), { authorization: `Bearer ${person.session}` });
  const closed = new Promise<CloseEvent>((resolve) => ws.addEventListener("close", resolve));
  const begin = Date.now();
  expect((await person.call("POST", "/api/auth/logout")).status).toBe(204);
  expect((await closed).code).toBe(1008);
  expect(Date.now() - begin).toBeLessThan(5000);
});
