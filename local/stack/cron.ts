const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const EVERY_MINUTE = "* * * * *";
/** The day's jobs, as wrangler.toml names them. */
export const DAILY_CRON = "17 3 * * *";
/** When in the day they are due (UTC). */
const DAILY_DUE_MS = (3 * 60 + 17) * MINUTE_MS;

/**
 * Does what Cron Triggers do in production, which `wrangler dev` never does by itself: the minute's jobs at once and
 * every minute, the day's when their time has come, and a minute after the start: it may have come while nothing ran.
 *
 * @returns Stops it.
 */
export function startCron(address: string): () => void {
  void run(address, EVERY_MINUTE);
  let day = 0;
  const timer = setInterval(() => {
    void run(address, EVERY_MINUTE);
    const today = dayOf(Date.now());
    if (today > day) void run(address, DAILY_CRON);
    day = today;
  }, MINUTE_MS);
  return () => clearInterval(timer);
}

/** Counts days that begin when the day's jobs are due. */
function dayOf(ms: number): number {
  return Math.floor((ms - DAILY_DUE_MS) / DAY_MS);
}

/** A failure is in the Worker's log, and the next tick tries again. */
async function run(address: string, cron: string): Promise<void> {
  const url = `${address}/cdn-cgi/local/scheduled?${new URLSearchParams({ cron })}`;
  await fetch(url, { signal: AbortSignal.timeout(MINUTE_MS) }).catch(() => undefined);
}
