import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readCommandLine } from "./processes.ts";
import { describeFailure, StartError } from "./start-error.ts";

/** Where each part keeps what must survive a restart. All of it is for the owner's eyes only. */
export interface StateDirectory {
  readonly root: string;
  readonly postgres: string;
  readonly vault: string;
  readonly sandbox: string;
  /** Durable Objects and KV of the local Worker. */
  readonly worker: string;
  readonly logs: string;
  /** Written anew at each start. */
  readonly run: string;
  readonly endpointsFile: string;
  readonly secretsFile: string;
  readonly portsFile: string;
}

const PRIVATE_DIRECTORY = 0o700;

/**
 * Makes the directory when it is absent.
 *
 * @throws StartError when it cannot be written to.
 */
export function openStateDirectory(root: string): StateDirectory {
  const directory = {
    root,
    postgres: join(root, "postgres"),
    vault: join(root, "vault"),
    sandbox: join(root, "sandbox"),
    worker: join(root, "worker"),
    logs: join(root, "logs"),
    run: join(root, "run"),
    endpointsFile: join(root, "endpoints.json"),
    secretsFile: join(root, "secrets.json"),
    portsFile: join(root, "ports.json"),
  };
  try {
    for (const path of [root, directory.worker, directory.logs, directory.run]) makeDirectory(path);
    const probe = join(directory.run, "probe");
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (error) {
    throw new StartError(`The state directory ${root} cannot be written to (${describeFailure(error)}).`);
  }
  return directory;
}

/** Node's own `recursive` never returns where a parent can be listed but not written to, as in /proc. */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeDirectory(dirname(path));
  mkdirSync(path, { mode: PRIVATE_DIRECTORY });
}

/**
 * Refuses a second stack on the same directory; a lock left by one that was killed is taken over.
 *
 * @returns Gives the lock back.
 * @throws  StartError when another stack is running there.
 */
export function lockStateDirectory({ root }: StateDirectory, pid: number): () => void {
  const file = join(root, "lock");
  const holder = readHolder(file);
  if (holder !== null && holder !== pid && readCommandLine(holder)?.includes("stack/main.ts")) {
    throw new StartError(`Another npm start (process ${holder}) is using ${root}; stop it or give another --state.`);
  }
  rmSync(file, { force: true });
  try {
    writeFileSync(file, `${pid}\n`, { flag: "wx", mode: 0o600 });
  } catch {
    throw new StartError(`Another npm start has just taken ${root}; stop it or give another --state.`);
  }
  return () => rmSync(file, { force: true });
}

function readHolder(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
