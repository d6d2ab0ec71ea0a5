import type { ChainedEvent } from "./audit-chain.ts";
import type { AuditAction } from "./audit-event.ts";
import { parseJsonObject } from "./json.ts";
import type { CounterName } from "./metric.ts";

/** How often each of these happened in a workspace. The names are part of the wire contract. */
export const SECURITY_COUNTERS = [
  "failed_authentications",
  "rate_limit_violations",
  "unauthorized_access",
  "abnormal_usage",
  "database_failures",
  "refresh_failures",
] as const;
export type SecurityCounter = (typeof SECURITY_COUNTERS)[number];
export type SecurityTally = Readonly<Record<SecurityCounter, number>>;

/** Over how long a tally goes, in whole minutes, the one under way included. */
export const PERIOD_MINUTES = { "1h": 60, "24h": 1440, "7d": 10_080 } as const;
export type Period = keyof typeof PERIOD_MINUTES;
export const LONGEST_PERIOD_MINUTES = PERIOD_MINUTES["7d"];

/** The audit actions behind each counter; failures of the database cannot be read from a log that goes there. */
const COUNTER_OF: Partial<Record<AuditAction, Exclude<SecurityCounter, "database_failures">>> = {
  "user.login_failed": "failed_authentications",
  "user.password_change_failed": "failed_authentications",
  "auth.failed": "failed_authentications",
  "limit.exceeded": "rate_limit_violations",
  "auth.forbidden": "unauthorized_access",
  "usage.abnormal": "abnormal_usage",
  "connection.refresh_failed": "refresh_failures",
  "connection.reauth_required": "refresh_failures",
};

/** Actions whose repeats in a minute become one event; others may hold a `count` of their own in `detail`. */
const REPEATED: ReadonlySet<AuditAction> = new Set([
  "user.login_failed",
  "auth.failed",
  "limit.exceeded",
  "auth.forbidden",
]);

/** Something that counts, and how often it happened. */
export interface SecurityCount {
  readonly counter: SecurityCounter;
  readonly times: number;
}

/** What that action counts as; null when it is nothing to worry about. */
export function securityCounterOf(action: string): SecurityCounter | null {
  return Object.hasOwn(COUNTER_OF, action) ? (COUNTER_OF[action as AuditAction] ?? null) : null;
}

/** What a chained event counts as; null when it is nothing to worry about. */
export function countSecurity({ text }: Pick<ChainedEvent, "text">): SecurityCount | null {
  const { action, detail } = parseJsonObject(text) ?? {};
  const counter = securityCounterOf(String(action));
  return counter && { counter, times: REPEATED.has(action as AuditAction) ? timesIn(detail) : 1 };
}

/** The metric of the whole deployment behind a workspace's counter. */
export function metricOf(counter: SecurityCounter): CounterName & `aurora_${SecurityCounter}_total` {
  return `aurora_${counter}_total`;
}

/** A workspace in which nothing happened. */
export function emptyTally(): Record<SecurityCounter, number> {
  return {
    failed_authentications: 0,
    rate_limit_violations: 0,
    unauthorized_access: 0,
    abnormal_usage: 0,
    database_failures: 0,
    refresh_failures: 0,
  };
}

function timesIn(detail: unknown): number {
  const count = typeof detail === "object" && detail !== null && "count" in detail ? detail.count : 1;
  return typeof count === "number" && count > 0 ? count : 1;
}
