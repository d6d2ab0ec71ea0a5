import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Claims a data directory for this process: two at once would ruin it, and PGlite does not look.
 *
 * @returns what gives it up again. A claim whose process was killed is taken over.
 * @throws Error in one sentence when another living process has it, or it cannot be written.
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, "lock");
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (let attempt = 0; !tryCreate(path); attempt += 1) {
      const holder = readHolder(path);
      if (holder === "unreadable" ? attempt > 0 : isRunning(holder)) throw new Locked();
      rmSync(path, { force: true });
    }
  } catch (error) {
    if (error instanceof Locked) throw new Error(`Another process is using the Postgres data in ${directory}.`);
    throw new Error(`The Postgres data directory ${directory} cannot be written.`);
  }
  return () => rmSync(path, { force: true });
}

class Locked extends Error {}

interface Holder {
  readonly pid: number;
  /** Tells a process from a later one that was given the same number; null where the system does not say. */
  readonly startedAt: string | null;
}

function tryCreate(path: string): boolean {
  try {
    const holder: Holder = { pid: process.pid, startedAt: readStart(process.pid) };
    // "wx" fails when the file is there: of two processes one wins.
    writeFileSync(path, JSON.stringify(holder), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(path: string): Holder | "unreadable" {
  try {
    const raw: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof raw === "object" && raw !== null && "pid" in raw && typeof raw.pid === "number") {
      return { pid: raw.pid, startedAt: "startedAt" in raw ? String(raw.startedAt) : null };
    }
  } catch {
    // A file cut short by a crash names nobody.
  }
  return "unreadable";
}

function isRunning(holder: Holder | "unreadable"): boolean {
  if (holder === "unreadable") return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it runs, under another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  const startedAt = readStart(holder.pid);
  return startedAt === null || startedAt === holder.startedAt;
}

/** Clock ticks from boot to the start of the process: the 22nd field of its stat line, the 20th after its name. */
function readStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
