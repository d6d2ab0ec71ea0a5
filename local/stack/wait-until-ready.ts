import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "./start-error.ts";

/** The first request compiles the Worker: 2 to 6 seconds, more on a busy machine. */
const START_TIMEOUT_MS = 90_000;
const POLL_MS = 150;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Waits until the Worker says that it and everything it needs answer.
 *
 * @throws StartError saying which of them does not, or that wrangler ended.
 */
export async function waitUntilReady(address: string, exited: Promise<void>, logFile: string): Promise<void> {
  let isRunning = true;
  void exited.then(() => {
    isRunning = false;
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  let problem = "it does not answer";
  while (isRunning && Date.now() < deadline) {
    const found = await findProblem(address);
    if (found === null) return;
    problem = found;
    await sleep(POLL_MS);
  }
  if (!isRunning) throw new StartError(`The Worker could not be started; ${logFile} says why.`);
  throw new StartError(`The Worker is not ready: ${problem}. ${logFile} may say more.`);
}

async function findProblem(address: string): Promise<string | null> {
  try {
    const response = await fetch(`${address}/health/readiness`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    if (response.ok) return null;
    return describe(response.status, await response.json());
  } catch {
    return "it does not answer";
  }
}

function describe(status: number, body: unknown): string {
  if (typeof body !== "object" || body === null) return `it answers ${status}`;
  if ("error" in body && typeof body.error === "string") return body.error;
  const checks = "checks" in body && typeof body.checks === "object" ? (body.checks ?? {}) : {};
  const down = Object.entries(checks).flatMap(([name, state]) => (state === "ok" ? [] : [name]));
  return down.length > 0 ? `it cannot reach its ${down.join(" and ")}` : `it answers ${status}`;
}
