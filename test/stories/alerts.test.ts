import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectOverHttp } from "../../local/migrate/database.ts";
import { createSearch, findInFiles } from "../support/find-in-files.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { openAlerts } from "./alert-client.ts";
import {
  alertsUrl,
  cutMidway,
  type Load,
  listWrong,
  makeEvents,
  openFollowers,
  readEvents,
  readHead,
  settle,
} from "./alert-load.ts";
import { type Person, register } from "./person.ts";
import { openUnread } from "./unread-socket.ts";

/** Followers of one workspace, and what happens to them. */
interface Crowd {
  readonly sockets: number;
  /** Every so many are cut, and come back with `after`. */
  readonly cutEvery: number;
  readonly load: Load;
  /** The Worker is killed after the load, and started for two seconds more of it. */
  readonly isKilled: boolean;
}

/** Longer than it takes the object to fall asleep. */
const MIB = 1024 * 1024;
const IDLE_MS = 15_000;
const LIMITS = JSON.stringify({ register_address: 1000, principal: 100_000 });

let stack: Stack;
let person: Person;
beforeAll(async () => {
  stack = await startStack({ env: { RATE_LIMITS: LIMITS } });
  person = await register(stack);
});
afterAll(() => stack?.stop());

const CROWDS: readonly Crowd[] = [
  { sockets: 50, cutEvery: 1, load: { seconds: 6, eventsPerSecond: 10 }, isKilled: true },
  { sockets: 500, cutEvery: 4, load: { seconds: 30, eventsPerSecond: 10 }, isKilled: false },
];

test.each(CROWDS)(
  "$sockets sockets get each event they asked for once, in order, over cuts (and a crash: $isKilled)",
  async ({ sockets, cutEvery, load, isKilled }) => {
    const before = await readHead(person);
    const followers = await openFollowers(stack, person, sockets, before);
    cutMidway(followers, cutEvery, load);
    await makeEvents(person, load);
    if (isKilled) {
      await stack.kill();
      await stack.restart();
      await makeEvents(person, { ...load, seconds: 2 });
    }
    const recorded = await readEvents(person, before);
    await settle(followers, recorded);
    expect(listWrong(followers, recorded)).toEqual([]);
    expect(recorded.length).toBeGreaterThanOrEqual((load.seconds + (isKilled ? 2 : 0)) * load.eventsPerSecond);
    for (const [index, follower] of followers.entries()) {
      expect(follower.opened()).toBeGreaterThanOrEqual(1 + (index % cutEvery === 0 ? 1 : 0) + (isKilled ? 1 : 0));
      follower.stop();
    }
  },
);

test("1,000 idle sockets of one workspace hold, and then each gets what it asked for", async () => {
  const idle = await register(stack);
  const before = await readHead(idle);
  const followers = await openFollowers(stack, idle, 1000, before);
  await sleep(IDLE_MS);
  expect(followers.flatMap(({ closed }) => closed)).toEqual([]);
  await makeEvents(idle, { seconds: 1, eventsPerSecond: 2 });
  const recorded = await readEvents(idle, before);
  await settle(followers, recorded);
  expect(listWrong(followers, recorded)).toEqual([]);
  expect(new Set(followers.map((follower) => follower.opened()))).toEqual(new Set([1]));
  for (const follower of followers) follower.stop();
});

/** Larger than the log may send to anybody at once, on few events. */
async function enlarge(log: Person, bytes: number): Promise<void> {
  const { owner_url, postgres } = stack.endpoints();
  const text = `update audit_events set event = (event::jsonb || jsonb_build_object('detail', repeat('x', $2::int)))::text
    where workspace_id = $1 returning seq`;
  const size = Math.ceil(bytes / (await readEvents(log, 0)).length);
  const [rows] = await connectOverHttp(owner_url, `${postgres}/sql`).query([
    { text, params: [log.workspaceId, String(size)] },
  ]);
  expect(rows?.length).toBeGreaterThan(0);
}

test("a client that never reads has a bounded part of the log under way, is told why, and loses its connection", async () => {
  const slow = await register(stack);
  await makeEvents(slow, { seconds: 4, eventsPerSecond: 10 });
  await enlarge(slow, 16 * MIB);
  // What is recent is in memory, as it was.
  await stack.restart();
  const headers = { authorization: `Bearer ${slow.session}` };
  const [late, never] = [
    await openUnread(`${alertsUrl(stack)}?after=0`, headers),
    await openUnread(`${alertsUrl(stack)}?after=0`, headers),
  ];
  await sleep(3000);
  late.ping();
  const read = await late.readAll();
  expect(read.length).toBeGreaterThan(4 * MIB);
  expect(read.length).toBeLessThan(5 * MIB);
  expect(read.toString("latin1")).toMatch(/\x88.\x03\xf5[^\x88]*come back with after=\d+$/);
  for (let pings = 0; pings < 5 && !never.isGone(); pings++) {
    never.ping();
    await sleep(3000);
  }
  expect(never.isGone()).toBe(true);
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
