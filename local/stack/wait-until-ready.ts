import { readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "./start-error.ts";

/** The first request compiles the Worker: 2 to 6 seconds, more on a busy machine. */
const START_TIMEOUT_MS = 90_000;
const POLL_MS = 150;
const REQUEST_TIMEOUT_MS = 10_000;
/** Waiting mends no setting. */
const MISCONFIGURED = Symbol("misconfigured");
const LOG_TRIES = 20;
/** The list of sentences in a line of the Worker's log. */
const PROBLEMS = /"problems":(\["(?:[^"\\]|\\.)*"(?:,"(?:[^"\\]|\\.)*")*\])/;

/**
 * Waits until the Worker says that it and everything it needs answer.
 *
 * @throws StartError saying which of them does not, which setting is wrong, or that wrangler ended.
 */
export async function waitUntilReady(address: string, exited: Promise<void>, logFile: string): Promise<void> {
  let isRunning = true;
  void exited.then(() => {
    isRunning = false;
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  const logged = statSync(logFile).size;
  let problem = "it does not answer";
  while (isRunning && Date.now() < deadline) {
    const found = await findProblem(address);
    if (found === null) return;
    if (found === MISCONFIGURED) throw new StartError(await describeSettings(logFile, logged));
    problem = found;
    await sleep(POLL_MS);
  }
  if (!isRunning) throw new StartError(`The Worker could not be started; ${logFile} says why.`);
  throw new StartError(`The Worker is not ready: ${problem}. ${logFile} may say more.`);
}

async function findProblem(address: string): Promise<string | typeof MISCONFIGURED | null> {
  try {
    const response = await fetch(`${address}/health/readiness`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    if (response.ok) return null;
    return describe(response.status, await response.json());
  } catch {
    return "it does not answer";
  }
}

function describe(status: number, body: unknown): string | typeof MISCONFIGURED {
  if (typeof body !== "object" || body === null) return `it answers ${status}`;
  if ("code" in body && body.code === "misconfigured") return MISCONFIGURED;
  if ("error" in body && typeof body.error === "string") return body.error.replace(/\.$/, "");
  const checks = "checks" in body && typeof body.checks === "object" ? (body.checks ?? {}) : {};
  const down = Object.entries(checks).flatMap(([name, state]) => (state === "ok" ? [] : [name]));
  return down.length > 0 ? `it cannot reach its ${down.join(" and ")}` : `it answers ${status}`;
}

/** What the Worker has logged of its settings since this start; it tells its clients nothing of them. */
async function describeSettings(logFile: string, from: number): Promise<string> {
  // The line may come a moment after the answer.
  for (let triesLeft = LOG_TRIES; triesLeft > 0; triesLeft--) {
    const [, problems] = PROBLEMS.exec(readFileSync(logFile).subarray(from).toString()) ?? [];
    if (problems !== undefined) {
      const found: readonly unknown[] = JSON.parse(problems);
      return `A setting is missing or wrong: ${found.map(String).join("; ")}.`;
    }
    await sleep(POLL_MS);
  }
  return `A setting is missing or wrong; ${logFile} says which.`;
}
