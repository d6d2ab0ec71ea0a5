/** Seconds since 1970-01-01T00:00:00Z, a whole number. */
export type EpochSeconds = number & { readonly epochSeconds: unique symbol };

/** The latest time an RFC 3339 string can name (9999-12-31T23:59:59Z). */
const MAX_EPOCH_SECONDS = 253_402_300_799;

/** `Date.parse` alone takes nearly anything for a date. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** `value` cut to whole seconds. @throws RangeError outside the years 1970 to 9999. */
export function epochSeconds(value: number): EpochSeconds {
  const whole = Math.floor(value);
  if (!(whole >= 0 && whole <= MAX_EPOCH_SECONDS)) throw new RangeError("not a time");
  return whole as EpochSeconds;
}

/** The time an RFC 3339 text names, cut to whole seconds; null when it is not one, or outside the years 1970 to 9999. */
export function parseRfc3339(text: string): EpochSeconds | null {
  if (!RFC_3339.test(text)) return null;
  const seconds = Date.parse(text) / 1000;
  return seconds >= 0 && seconds <= MAX_EPOCH_SECONDS ? epochSeconds(seconds) : null;
}

/** `time` plus `seconds`, which may be negative; held inside the years 1970 to 9999. */
export function addSeconds(time: EpochSeconds, seconds: number): EpochSeconds {
  return epochSeconds(Math.min(Math.max(time + seconds, 0), MAX_EPOCH_SECONDS));
}

/** RFC 3339 in UTC with whole seconds, e.g. `2026-11-22T10:00:00Z`; null stays null. */
export function toRfc3339<Time extends EpochSeconds | null>(time: Time): Time extends null ? null : string {
  type Answer = Time extends null ? null : string;
  if (time === null) return null as Answer;
  return new Date(time * 1000).toISOString().replace(".000Z", "Z") as Answer;
}
