import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choosePort } from "../../local/stack/ports.ts";
import { LOCAL_NAMES } from "../../local/stack/settings.ts";

const ROOT = join(import.meta.dirname, "../..");
const START_TIMEOUT_MS = 90_000;

/** `endpoints.json` as `npm start` writes it. */
export interface StackEndpoints {
  readonly worker: string;
  readonly postgres: string;
  readonly vault: string;
  readonly sandbox: string;
  readonly owner_url: string;
  readonly app_url: string;
  readonly vault_token: string;
}

/** A real `npm start` on a state directory of its own. */
export interface Stack {
  readonly url: string;
  /** The state directory. */
  readonly state: string;
  /** Read anew after a restart: the addresses may differ. */
  endpoints(): StackEndpoints;
  /** What the start script has printed, of all runs. */
  output(): string;
  /** All files of `logs/`. */
  logs(): string;
  /** SIGKILL to workerd and its wrangler at once, as a crash would; the rest then ends by itself. */
  kill(): Promise<void>;
  /** Ends it if it runs, and starts it again on the same state and port, from then on with these settings too. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  end(): Promise<number | null>;
  /** Ends it and deletes the state. */
  stop(): Promise<void>;
}

export interface StackOptions {
  /** Settings for the Worker and options of the start script, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Otherwise a new temporary directory. */
  readonly state?: string;
  /** More arguments, e.g. `--live`. */
  readonly args?: readonly string[];
}

/** Starts the whole stack on a free port and waits for its `ready` line. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const state = options.state ?? mkdtempSync(join(tmpdir(), "aurora-stack-"));
  const port = await choosePort(undefined, []);
  const printed: string[] = [];
  const args = ["--port", String(port), "--state", state, ...(options.args ?? [])];
  const env = { ...options.env };
  const run = async () => {
    const child = runStart(args, env);
    await waitForReady(child, printed);
    return child;
  };
  let child = await run();
  return {
    url: `http://127.0.0.1:${port}`,
    state,
    endpoints: () => JSON.parse(readFileSync(join(state, "endpoints.json"), "utf8")) as StackEndpoints,
    output: () => printed.join(""),
    logs: () => readLogs(join(state, "logs")),
    async kill() {
      process.kill(-Number(readFileSync(join(state, "run/worker.pgid"), "utf8")), "SIGKILL");
      await ended(child);
    },
    async restart(more = {}) {
      await endChild(child);
      Object.assign(env, more);
      child = await run();
    },
    end: () => endChild(child),
    async stop() {
      await endChild(child);
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** Runs `local/start.mjs` without the settings of whoever runs the tests. */
export function runStart(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const names: readonly string[] = LOCAL_NAMES;
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.includes(name)));
  return spawn(process.execPath, ["local/start.mjs", ...args], {
    cwd: ROOT,
    env: { ...own, DEV_VARS_FILE: "/dev/null", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function waitForReady(child: ChildProcess, printed: string[]): Promise<void> {
  const begin = printed.length;
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      reject(new Error(`npm start ${reason}:\n${printed.slice(begin).join("")}`));
    };
    const timer = setTimeout(() => {
      child.kill("SIGTERM");
      fail("did not get ready");
    }, START_TIMEOUT_MS);
    const hear = (chunk: Buffer) => {
      printed.push(chunk.toString());
      if (!/^ready http/m.test(printed.slice(begin).join(""))) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", () => {
      clearTimeout(timer);
      fail("ended");
    });
  });
}

async function endChild(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
  return await ended(child);
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

function readLogs(directory: string): string {
  return readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), "utf8"))
    .join("\n");
}
