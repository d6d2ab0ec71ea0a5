/**
 * The waits between tries: ten tries over a little more than three days.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
 */
const DELAYS_SECONDS = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;
export const MAX_ATTEMPTS = DELAYS_SECONDS.length + 1;
/** A receiver may ask for patience, not for the end of the schedule. */
const MAX_RETRY_AFTER_SECONDS = 86_400;

/**
 * Seconds until the next try; null when there is none left.
 *
 * Spread over half to one and a half times the wait, so that what failed together does not come back together, while
 * the schedule on the whole stays as long as it is meant to be.
 *
 * @param attempts          Tries made so far, 1 or more.
 * @param random            0 ≤ n < 1.
 * @param retryAfterSeconds What the receiver asked for; null = nothing.
 */
export function retryDelaySeconds(attempts: number, random: number, retryAfterSeconds: number | null): number | null {
  const delay = DELAYS_SECONDS[attempts - 1];
  if (delay === undefined) return null;
  const asked = Math.min(retryAfterSeconds ?? 0, MAX_RETRY_AFTER_SECONDS);
  return Math.max(Math.round(delay * (0.5 + random)), asked, 1);
}
