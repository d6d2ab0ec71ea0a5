import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { choosePort } from "../../local/stack/ports.ts";
import { listGroup, listRuntimes } from "../../local/stack/processes.ts";
import { runStart, type Stack, startStack } from "../support/stack.ts";
import { connect, login, readToken, register, send } from "./person.ts";

let stack: Stack;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "aurora-start-"));
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `npm start` where it should be refused; ends it when it is not. */
async function refused(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = runStart(args, env);
  let said = "";
  const hear = (chunk: Buffer) => {
    said += chunk.toString();
    if (/^ready/m.test(said)) child.kill("SIGTERM");
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  const [code] = await once(child, "close");
  return { code, said };
}

async function freeStart(state: string): Promise<string[]> {
  return ["--port", String(await choosePort(undefined, [])), "--state", state];
}

function workerGroup(state: string): number {
  return Number(readFileSync(join(state, "run/worker.pgid"), "utf8"));
}

test("endpoints.json names every part and only its owner can read it", () => {
  const endpoints = stack.endpoints();
  expect(endpoints.worker).toBe(stack.url);
  for (const part of [endpoints.postgres, endpoints.vault, endpoints.sandbox])
    expect(part).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  for (const name of ["endpoints.json", "secrets.json", "run/.dev.vars"]) {
    expect(statSync(join(stack.state, name)).mode & 0o077, name).toBe(0);
  }
});

test("a second start on the same state directory is refused in one sentence", async () => {
  const { code, said } = await refused(await freeStart(stack.state));
  expect(code).toBe(1);
  expect(said).toMatch(/^Another npm start \(process \d+\) is using .+\.\n$/);
});

test("a port in use is refused in one sentence", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const { code, said } = await refused(["--port", String(port), "--state", join(folder, "port")]);
  server.close();
  expect(code).toBe(1);
  expect(said).toBe(`Port ${port} is in use; stop what uses it, or start with --port N.\n`);
});

test("a file in the place of the state directory is refused in one sentence", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const { code, said } = await refused(await freeStart(file));
  expect(code).toBe(1);
  expect(said).toMatch(/^The state directory .+ cannot be written to .+\n$/);
});

test.each(["secrets.json", "ports.json"])("a damaged %s is refused in one sentence", async (name) => {
  const state = join(folder, `damaged-${name}`);
  mkdirSync(state);
  writeFileSync(join(state, name), '{"JWT_SEC');
  const { code, said } = await refused(await freeStart(state));
  expect(code).toBe(1);
  expect(said).toMatch(/^.+ is damaged; restore it, or delete the state directory to begin anew\.\n$/);
});

test("damaged data of the embedded Postgres is refused in one sentence", async () => {
  const state = join(folder, "damaged-postgres");
  mkdirSync(join(state, "postgres/cluster/global"), { recursive: true });
  for (const file of ["completed", "cluster/PG_VERSION", "cluster/global/pg_control"]) {
    writeFileSync(join(state, "postgres", file), "nonsense");
  }
  const { code, said } = await refused(await freeStart(state));
  expect(code).toBe(1);
  expect(said).toMatch(/^The embedded Postgres could not be started: .+ cannot be opened.+\n$/);
});

test.each([[["--port", "nonsense"]], [["--port", "70000"]], [["--nonsense"]]])(
  "%j is refused in one sentence",
  async (args) => {
    const { code, said } = await refused([...args, "--state", join(folder, "flags")]);
    expect(code).toBe(1);
    expect(said.trimEnd().split("\n")).toHaveLength(1);
  },
);

test.each([
  ["USAGE_THRESHOLDS", '{"readsFactr": 8}', /USAGE_THRESHOLDS .*readsFactr/],
  ["METRICS_TOKEN", "short", /METRICS_TOKEN /],
])(
  "%s that is wrong is refused at once, in a sentence that names it and never the value",
  async (name, value, sentence) => {
    const { code, said } = await refused(await freeStart(join(folder, "settings")), { [name]: value });
    expect(code).toBe(1);
    expect(said).toMatch(sentence);
    expect(said).not.toContain(value);
  },
);

test("a Worker killed by somebody ends the stack with exit 1, and a restart brings it back", async () => {
  const group = workerGroup(stack.state);
  await stack.kill();
  expect(stack.output()).toMatch(/The Worker ended by itself/);
  expect(await stack.end()).toBe(1);
  expect(listGroup(group)).toEqual([]);
  await stack.restart();
  expect((await send(`${stack.url}/health/liveness`, "GET")).status).toBe(200);
});

test("a stack whose runtimes are killed, wrangler's own as well, answers again by itself", async () => {
  const person = await register(stack);
  const runtimes = listRuntimes(workerGroup(stack.state));
  expect(runtimes.length).toBeGreaterThan(1);
  for (const pid of runtimes) process.kill(pid, "SIGKILL");
  const isUp = async () => {
    const signal = AbortSignal.timeout(2000);
    return fetch(`${stack.url}/health/readiness`, { signal }).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  await expect.poll(isUp, { timeout: 60_000, interval: 500 }).toBe(true);
  expect((await login(stack, person.email, person.password)).id).toBe(person.id);
});

test("a stack killed by SIGKILL leaves nothing running, and a restart takes its state over", async () => {
  const group = workerGroup(stack.state);
  process.kill(Number(readFileSync(join(stack.state, "lock"), "utf8")), "SIGKILL");
  expect(await stack.end()).toBe(1);
  expect(stack.output()).toMatch(/The stack was ended by SIGKILL\./);
  await expect.poll(() => listGroup(group)).toEqual([]);
  await stack.restart();
  expect((await send(`${stack.url}/health/readiness`, "GET")).status).toBe(200);
});

test("a restart keeps users, sessions, connections and the ports of its parts", async () => {
  const before = stack.endpoints();
  const person = await register(stack);
  const connection = await connect(stack, person, "demo");
  const token = (await readToken(person, connection)).body.token_data.access_token;
  await stack.restart();
  expect(stack.endpoints()).toEqual(before);
  expect((await readToken(person, connection)).body.token_data.access_token).toBe(token);
  const again = await login(stack, person.email, person.password);
  expect(again.id).toBe(person.id);
  const forced = await again.call("POST", `/api/v1/connections/${connection}/refresh`, { force: true });
  expect(forced).toMatchObject({ status: 200, body: { refreshed: true } });
});

test("SIGTERM ends every process, exit 0", async () => {
  const group = workerGroup(stack.state);
  expect(await stack.end()).toBe(0);
  expect(listGroup(group)).toEqual([]);
  await expect(send(`${stack.url}/health/liveness`, "GET")).rejects.toThrow();
});
