import { spawn } from "node:child_process";
import { openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listGroup, readCommandLine, signalGroup } from "./processes.ts";
import type { StateDirectory } from "./state-directory.ts";

/** `wrangler dev` as a child in a process group of its own, workerd and esbuild with it. */
export interface WorkerProcess {
  readonly pgid: number;
  /** Resolves when wrangler has ended, whoever ended it. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

export interface WorkerOptions {
  readonly root: string;
  readonly directory: StateDirectory;
  readonly configFile: string;
  readonly port: number;
}

/** wrangler ends in 80 to 220 ms, a request in flight included; after this it is killed. */
const STOP_TIMEOUT_MS = 5_000;
/** What wrangler's environment keeps of ours: how to trust the certificates of real services. */
const PASSED_ON = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"];

export function startWorker(options: WorkerOptions): WorkerProcess {
  const { root, directory, port } = options;
  const log = openSync(workerLogFile(directory), "a", 0o600);
  const child = spawn(
    join(root, "node_modules/node/bin/node"),
    [
      ...["--no-warnings", join(root, "node_modules/wrangler/wrangler-dist/cli.js"), "dev", "-c", options.configFile],
      ...["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0", "--persist-to", directory.worker],
      // Request lines hold paths, and the path of a consent link is its ticket.
      ...["--local", "--show-interactive-dev-session=false", "--log-level", "warn"],
    ],
    // A `.env` in the working directory would be read into wrangler's environment.
    { cwd: directory.run, detached: true, stdio: ["ignore", log, log], env: createEnvironment(directory) },
  );
  const exited = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  const pgid = child.pid ?? 0;
  writeFileSync(pgidFile(directory), `${pgid}\n`);
  return { pgid, exited, stop: () => stopGroup(directory, pgid, exited) };
}

/** Where everything wrangler and the Worker print goes. */
export function workerLogFile(directory: StateDirectory): string {
  return join(directory.logs, "worker.log");
}

/**
 * Kills what a stack that was itself killed left behind: workerd outlives its wrangler and holds the port.
 *
 * @returns Whether there was any: its port is free a moment later.
 */
export async function killStaleWorker(directory: StateDirectory): Promise<boolean> {
  const pgid = readPgid(directory);
  if (pgid === null) return false;
  // The number may belong to somebody else by now.
  const isOurs = listGroup(pgid).some((pid) => /wrangler|workerd/.test(readCommandLine(pid) ?? ""));
  if (isOurs) await killGroup(pgid);
  rmSync(pgidFile(directory), { force: true });
  return isOurs;
}

async function stopGroup(directory: StateDirectory, pgid: number, exited: Promise<void>): Promise<void> {
  if (pgid === 0) return;
  try {
    process.kill(pgid, "SIGTERM");
  } catch {
    // Ended already; its children may not have.
  }
  await Promise.race([exited, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  await killGroup(pgid);
  rmSync(pgidFile(directory), { force: true });
}

async function killGroup(pgid: number): Promise<void> {
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (signalGroup(pgid, "SIGKILL") && listGroup(pgid).length > 0 && Date.now() < deadline) await sleep(20);
}

function readPgid(directory: StateDirectory): number | null {
  try {
    const pgid = Number(readFileSync(pgidFile(directory), "utf8"));
    return Number.isInteger(pgid) && pgid > 1 ? pgid : null;
  } catch {
    return null;
  }
}

function pgidFile(directory: StateDirectory): string {
  return join(directory.run, "worker.pgid");
}

/** An allow-list: nothing of ours reaches the Worker, and nothing is written outside the state directory. */
function createEnvironment(directory: StateDirectory): NodeJS.ProcessEnv {
  const passed = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passed),
    CI: "1",
    NO_COLOR: "1",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    // On by default, and it writes the URL of every request, query included, to disk.
    X_LOCAL_OBSERVABILITY: "false",
    // On by default: a browser for everything that is stored.
    X_LOCAL_EXPLORER: "false",
    // Its own log grows by a line every ten seconds, and holds what the Worker printed a second time.
    WRANGLER_WRITE_LOGS: "false",
    WRANGLER_LOG_PATH: directory.logs,
    WRANGLER_REGISTRY_PATH: join(directory.run, "registry"),
    WRANGLER_CACHE_DIR: join(directory.run, "cache"),
    XDG_CONFIG_HOME: join(directory.run, "xdg"),
  };
}
