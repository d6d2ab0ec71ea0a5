import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type RunningPostgres, startPostgres } from "../../../local/postgres/server.ts";
import { connectDriver, post, readSqlState } from "./driver.ts";

const ADMIN = { adminPassword: "admin" } as const;
/** Prints its address once it serves; killed by the tests. */
const CHILD = new URL("./serve-directory.ts", import.meta.url).pathname;

let directory: string;
let running: RunningPostgres[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "aurora-pglite-"));
  running = [];
});
afterEach(async () => {
  for (const postgres of running) await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(dataDir: string | null, port = 0): Promise<RunningPostgres> {
  const postgres = await startPostgres({ port, dataDir, ...ADMIN });
  running.push(postgres);
  return postgres;
}

async function stop(postgres: RunningPostgres): Promise<void> {
  running = running.filter((other) => other !== postgres);
  await postgres.stop();
}

const connect = (postgres: RunningPostgres) => connectDriver(postgres, postgres.adminUrl);

/** Starting PGlite is seconds of processor time, more on a busy machine. */
describe("data on disk", { timeout: 60_000 }, () => {
  test("what was committed is there after a stop and a start", async () => {
    const first = await start(directory);
    await connect(first)`create table kept as select 42 as value`;
    await stop(first);
    expect(await connect(await start(directory))`select value from kept`).toEqual([{ value: 42 }]);
  });

  test("what was committed is there after SIGKILL", async () => {
    const child = await startChild();
    await connect(child.postgres)`create table kept as select 1 as value`;
    await Promise.all(Array.from({ length: 10 }, () => connect(child.postgres)`insert into kept values (2)`));
    child.process.kill("SIGKILL");
    await child.gone;
    expect(await connect(await start(directory))`select count(*)::int as n from kept`).toEqual([{ n: 11 }]);
  });

  test("a start that was killed half way is started over", async () => {
    mkdirSync(join(directory, "cluster"));
    writeFileSync(join(directory, "cluster", "PG_VERSION"), "18\n");
    expect(await connect(await start(directory))`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("a directory in use by another process is refused in words", async () => {
    const child = await startChild();
    await expect(start(directory)).rejects.toThrow(`Another process is using the Postgres data in ${directory}.`);
    child.process.kill("SIGKILL");
    await child.gone;
  });

  test("a damaged directory is refused in words, and can be tried again", async () => {
    mkdirSync(join(directory, "cluster"));
    writeFileSync(join(directory, "cluster", "PG_VERSION"), "damaged\n");
    writeFileSync(join(directory, "completed"), "");
    const message = `The Postgres data in ${directory} cannot be opened`;
    await expect(start(directory)).rejects.toThrow(message);
    await expect(start(directory)).rejects.toThrow(message);
  });

  test("a place that cannot be written is refused in words", async () => {
    writeFileSync(join(directory, "file"), "");
    await expect(start(join(directory, "file"))).rejects.toThrow("cannot be written.");
  });

  test("a port that is taken is refused in words, and the directory is free again", async () => {
    const first = await start(null);
    const port = Number(new URL(first.address).port);
    await expect(start(directory, port)).rejects.toThrow(`The Postgres port ${port} is taken or not allowed.`);
    await start(directory);
  });

  async function startChild(): Promise<{ process: ChildProcess; postgres: RunningPostgres; gone: Promise<unknown> }> {
    const child = spawn(process.execPath, ["--no-warnings", CHILD, directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString()));
      child.once("exit", () => reject(new Error("the child did not start")));
    });
    const postgres = JSON.parse(line) as RunningPostgres;
    return { process: child, postgres, gone };
  }
});

describe("controls", () => {
  let postgres: RunningPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ port: 0, dataDir: null, ...ADMIN });
  });
  beforeEach(async () => {
    await post(postgres, "/_reset", {});
    await connect(postgres)`drop table if exists kept`;
  });
  // Stopped by its last test; stopping twice does no harm.
  afterAll(() => postgres.stop());

  test("health is answered, from loopback only", async () => {
    expect(postgres.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${postgres.address}/_health`)).status).toBe(200);
  });

  test("faults spoil statements as told, and a reset clears them", async () => {
    const sql = connect(postgres);
    await post(postgres, "/_faults", { provider: "any", endpoint: "sql", kind: "status", status: 500, times: 2 });
    await expect(sql`select 1`).rejects.toThrow('Server error (HTTP status 500): {"errors":["injected fault"]}');
    expect((await fetch(`${postgres.address}/_health`)).status).toBe(200);
    await post(postgres, "/_reset", {});
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("a reset after commit keeps the work and loses the answer", async () => {
    const sql = connect(postgres);
    await sql`create table kept (id int)`;
    await post(postgres, "/_faults", { kind: "reset_after_commit" });
    await expect(sql`insert into kept values (1)`).rejects.toThrow("fetch failed");
    expect(await sql`select id from kept`).toEqual([{ id: 1 }]);
  });

  test("a hang answers nothing until the client leaves, and does nothing", async () => {
    const sql = connect(postgres);
    await sql`create table kept (id int)`;
    await post(postgres, "/_faults", { kind: "hang" });
    const fetchOptions = { signal: AbortSignal.timeout(100) };
    await expect(sql.query("insert into kept values (1)", [], { fetchOptions })).rejects.toThrow(/timeout/);
    expect(await sql`select id from kept`).toEqual([]);
  });

  test("a fault that is none is refused in words", async () => {
    const response = await post(postgres, "/_faults", { kind: "explode" });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining("The kind of a fault is one of"),
    ]);
    expect((await post(postgres, "/_faults", "{")).status).toBe(400);
  });

  test("a request that is too large is refused", async () => {
    expect((await post(postgres, "/sql", "x".repeat(17 * 1024 * 1024))).status).toBe(413);
  });

  test("a stop does not wait for a client that hangs", async () => {
    await post(postgres, "/_faults", { kind: "hang" });
    const hanging = readSqlState(connect(postgres)`select 1`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await postgres.stop();
    await expect(hanging).resolves.toBeDefined();
  });
});
