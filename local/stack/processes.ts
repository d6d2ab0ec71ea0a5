import { readdirSync, readFileSync } from "node:fs";

/** The command line of a live process, its arguments parted by spaces; null when there is none (or no /proc to ask). */
export function readCommandLine(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return text === "" ? null : text.replaceAll("\0", " ").trimEnd();
  } catch {
    return null;
  }
}

/** Processes of the group `pgid`, the zombies left out. Empty where there is no /proc. */
export function listGroup(pgid: number): readonly number[] {
  return listProcesses().filter((pid) => readGroup(pid) === pgid && readCommandLine(pid) !== null);
}

/** The workerds among them. */
export function listRuntimes(pgid: number): readonly number[] {
  return listGroup(pgid).filter((pid) => /\bworkerd\b/.test(readCommandLine(pid) ?? ""));
}

function listProcesses(): readonly number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** The fifth field of /proc/PID/stat; the second is a name in brackets that may hold spaces and brackets itself. */
function readGroup(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const afterName = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(afterName[2]);
  } catch {
    return null;
  }
}

/** Sends a signal to a whole process group; false when none of it is left. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pgid, signal);
    return true;
  } catch {
    return false;
  }
}
