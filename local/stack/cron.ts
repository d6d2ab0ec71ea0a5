const MINUTE_MS = 60_000;
const EVERY_MINUTE = "* * * * *";

/**
 * Does what Cron Triggers do in production, which `wrangler dev` never does by itself: the minute's jobs at once and
 * every minute.
 *
 * @returns Stops it.
 */
export function startCron(address: string): () => void {
  void run(address);
  const timer = setInterval(() => void run(address), MINUTE_MS);
  return () => clearInterval(timer);
}

/** A failure is in the Worker's log, and the next tick tries again. */
async function run(address: string): Promise<void> {
  const url = `${address}/cdn-cgi/local/scheduled?${new URLSearchParams({ cron: EVERY_MINUTE })}`;
  await fetch(url, { signal: AbortSignal.timeout(MINUTE_MS) }).catch(() => undefined);
}
