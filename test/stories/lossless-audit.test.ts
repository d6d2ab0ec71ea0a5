import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectOverHttp } from "../../local/migrate/database.ts";
import { runMigrations } from "../../local/migrate/run-migrations.ts";
import { type RunningPostgres, startPostgres } from "../../local/postgres/server.ts";
import type { AuditEvent } from "../../src/domain/audit-event.ts";
import { type Stack, startStack } from "../support/stack.ts";
import {
  type Acknowledged,
  type Caller,
  knockAgain,
  knockAnew,
  readAs,
  startCaller,
  tryPasswords,
} from "./audit-load.ts";
import { connect, type Person, readCalls, register, send, steer } from "./person.ts";

const OUTAGE_MS = 120_000;
const KILL_AFTER_MS = 50_000;
/** What an isolate gathers before it sends it, and as much again for a busy machine. */
const GATHER_MS = 1_800;
const TEST_MS = 420_000;
/** One for each of those who come due together, so that each refusal is seen. */
const PROVIDERS = ["demo", "bitbucket"] as const;
/** Half the life later a credential comes due: of some people before the Worker is killed, of others after. */
const EARLY_SECONDS = 60;
const LATE_SECONDS = 200;

const password = () => randomBytes(16).toString("hex");
const passwords = { appPassword: password(), ownerPassword: password(), adminPassword: password() };
let folder: string;
let postgres: RunningPostgres;
let stack: Stack;

/** Postgres is a process of its own here as far as the Worker can tell: stopped, its port refuses connections. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "aurora-lossless-"));
  postgres = await openPostgres(0);
  const { appPassword, ownerPassword } = passwords;
  await runMigrations(connectOverHttp(postgres.adminUrl, `${postgres.address}/sql`), { appPassword, ownerPassword });
  stack = await startStack({
    env: {
      DATABASE_URL: postgres.appUrl,
      DATABASE_HTTP_URL: `${postgres.address}/sql`,
      RATE_LIMITS: JSON.stringify({ register_address: 1000, connect: 1000 }),
    },
  });
});

afterAll(async () => {
  await stack?.stop();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function openPostgres(port: number): Promise<RunningPostgres> {
  return startPostgres({ port, dataDir: join(folder, "postgres"), ...passwords });
}

interface Resident {
  readonly person: Person;
  readonly connection: string;
  readonly isEarly: boolean;
}

/** Somebody with a connection that is to be refreshed early in the outage, or late in it. */
async function settleIn(sandbox: string, person: Person, provider: string, isEarly: boolean): Promise<Resident> {
  await steer(sandbox, "/_tokens", { provider, expires_in: isEarly ? EARLY_SECONDS : LATE_SECONDS });
  return { person, connection: await connect(stack, person, provider), isEarly };
}

/** The providers refuse to renew anything until {@link mendProviders}. */
async function breakProviders(sandbox: string): Promise<void> {
  for (const provider of PROVIDERS)
    await steer(sandbox, "/_faults", { provider, endpoint: "token", kind: "status", status: 503, seconds: 600 });
}

/** Once each has refused. What they issue from then on lives for an hour or more. */
async function mendProviders(sandbox: string): Promise<void> {
  for (const provider of PROVIDERS) {
    const refusals = async () => (await readCalls(sandbox, provider)).filter(({ status }) => status === 503).length;
    await expect.poll(refusals, { timeout: 90_000, interval: 250 }).toBeGreaterThan(0);
  }
  await steer(sandbox, "/_reset", {});
}

async function readChain(person: Person, chain = ""): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const { status, body } = await person.call("GET", `/api/v1/audit?limit=200&after=${after}${chain}`);
    expect(status, JSON.stringify(body)).toBe(200);
    events.push(...body.events);
    after = body.next;
  }
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const { body } = await person.call("GET", `/api/v1/audit/verify?${chain}`);
  expect(body).toMatchObject({ ok: true });
  return events;
}

/** Each answer's event is there once, and behind that of the answer before it. */
function expectEach(events: readonly AuditEvent[], answers: readonly Acknowledged[]): void {
  const ids = new Set(answers.map(({ requestId }) => requestId));
  const found = events.flatMap(({ request_id }) => (request_id !== null && ids.has(request_id) ? [request_id] : []));
  expect(found).toEqual(answers.map(({ requestId }) => requestId));
}

/** How many requests the events of that kind stand for. */
function countRequests(events: readonly AuditEvent[], isWanted: (event: AuditEvent) => boolean): number {
  return events.filter(isWanted).reduce((sum, { detail }) => sum + Number(detail["count"] ?? 1), 0);
}

const answeredWith = ({ answers }: Caller, status: number) => answers.filter((answer) => answer.status === status);

test(
  "two minutes without Postgres under load, the Worker killed in the middle: every event of that time is there, once, in order",
  async () => {
    const { sandbox } = stack.endpoints();
    const operator = await register(stack);
    const people: Resident[] = [];
    for (const isEarly of [true, false])
      for (const provider of PROVIDERS) people.push(await settleIn(sandbox, await register(stack), provider, isEarly));
    await breakProviders(sandbox);

    const readers = people.map(({ person, connection }) => ({
      person,
      caller: startCaller(100, () => readAs(person.session, `${stack.url}/api/v1/connections/${connection}/token`)),
    }));
    const strangers = [1, 2, 3, 4].map((name) => startCaller(200, (call) => knockAnew(stack.url, name, call)));
    const guesser = startCaller(200, (call) => tryPasswords(stack.url, call));
    const steady = startCaller(200, () => knockAgain(stack.url));
    await sleep(3_000);

    const port = Number(new URL(postgres.address).port);
    await postgres.stop();
    const beganAt = performance.now();
    await mendProviders(sandbox);
    await sleep(Math.max(0, KILL_AFTER_MS - (performance.now() - beganAt)));
    const killedAt = performance.now();
    await stack.kill();
    // Its last minute is over, and counted, by the time it is looked for.
    await steady.stop();
    const ready = stack.restart({ OPERATOR_WORKSPACE_ID: operator.workspaceId });
    // Its failure is awaited below; meanwhile it is nobody's unhandled one.
    ready.catch(() => undefined);
    const isUp = async () => (await send(`${sandbox}/_health`, "GET").catch(() => null))?.status;
    await expect.poll(isUp, { timeout: 30_000, interval: 100 }).toBe(200);
    await breakProviders(sandbox);
    await mendProviders(sandbox);
    await sleep(Math.max(0, OUTAGE_MS - (performance.now() - beganAt)));
    const endedAt = performance.now();
    for (const caller of [...strangers, guesser, ...readers.map((reader) => reader.caller)]) await caller.stop();
    postgres = await openPostgres(port);
    await ready;

    for (const { person } of people) {
      const recovered = async () =>
        (await person.call("GET", "/api/v1/audit?limit=200&action=connection.recovered")).body.events?.length;
      await expect.poll(recovered, { timeout: 180_000, interval: 1_000 }).toBe(1);
    }

    for (const { person, connection, isEarly } of people) {
      const events = await readChain(person);
      const ofIt = events.filter(({ resource, action }) => resource?.id === connection && action !== "token.read");
      expect(ofIt.map(({ action }) => action)).toEqual([
        "connection.created",
        "connection.refresh_failed",
        "connection.refreshed",
        "connection.recovered",
      ]);
      const failedAt = Date.parse(ofIt[1]?.at ?? "") - performance.timeOrigin;
      expect(failedAt).toBeGreaterThan(isEarly ? beganAt : killedAt);
      expect(failedAt).toBeLessThan(isEarly ? killedAt : endedAt);
    }

    for (const { person, caller } of readers) {
      const events = await readChain(person);
      const reads = answeredWith(caller, 200);
      expect(reads.length).toBeGreaterThan(3);
      expect(countRequests(events, ({ action }) => action === "token.read")).toBe(reads.length);
    }

    const strange = await readChain(operator, "&chain=unauthenticated");
    for (const caller of strangers) {
      const refusals = answeredWith(caller, 401);
      expect(refusals.filter(({ atMs }) => atMs > beganAt && atMs < killedAt).length).toBeGreaterThan(30);
      expect(refusals.filter(({ atMs }) => atMs > killedAt && atMs < endedAt).length).toBeGreaterThan(30);
      expectEach(strange, refusals);
    }
    expect(answeredWith(guesser, 429).length).toBeGreaterThan(3);
    expectEach(strange, answeredWith(guesser, 429));

    // Of what is counted, the Worker that was killed took at most what its last second had gathered.
    const knocks = answeredWith(steady, 401);
    const gathered = knocks.filter(({ atMs }) => atMs < killedAt && atMs > killedAt - GATHER_MS).length;
    const counted = countRequests(strange, ({ ip }) => ip === "192.0.2.77");
    expect(counted).toBeGreaterThanOrEqual(knocks.length - gathered);
    expect(counted).toBeLessThanOrEqual(knocks.length + 1);
  },
  TEST_MS,
);
