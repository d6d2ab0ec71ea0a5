import { DEFAULT_LIMITS, type LimitName } from "./limits.ts";

/** What a label may hold: one of a closed list, or a text of that kind, which the code and never a caller chooses. */
export type LabelRule = readonly string[] | "provider" | "route";

/** A family of series: one for each combination of its labels that was seen. */
export interface MetricDefinition {
  readonly kind: "counter" | "histogram";
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelRule>>;
}

export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
/** Upper bounds of every histogram, in seconds: from an isolate's memory (5 ms) to the patience of a caller (10 s). */
export const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const LIMIT_NAMES = Object.keys(DEFAULT_LIMITS) as LimitName[];
const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;
const DONE_OR_FAILED = ["ok", "failed"] as const;

/**
 * Every metric there is. A name or a label that is not here does not compile.
 *
 * No label ever holds an id, an email, an address, a path or anything else a caller sent: routes are patterns, providers
 * are ids of the registry.
 */
export const METRICS = {
  aurora_http_request_duration_seconds: {
    kind: "histogram",
    help: "Time from the arrival of a request to the beginning of its answer.",
    labels: { method: HTTP_METHODS, route: "route", status: STATUS_CLASSES },
  },
  aurora_failed_authentications_total: {
    kind: "counter",
    help: "Logins, credentials and passwords that were not right.",
    labels: {},
  },
  aurora_rate_limit_violations_total: {
    kind: "counter",
    help: "Calls that were refused because a limit was reached.",
    labels: {},
  },
  aurora_unauthorized_access_total: {
    kind: "counter",
    help: "Calls of proven callers that were refused for want of a permission.",
    labels: {},
  },
  aurora_abnormal_usage_total: {
    kind: "counter",
    help: "Times that use was found to be out of the ordinary.",
    labels: {},
  },
  aurora_database_failures_total: {
    kind: "counter",
    help: "Transactions that the database did not answer or refused without a reason of ours.",
    labels: {},
  },
  aurora_refresh_failures_total: {
    kind: "counter",
    help: "Connections that could no longer be refreshed, for a while or until a person connects them again.",
    labels: {},
  },
  aurora_refreshes_total: {
    kind: "counter",
    help: "Requests to a provider to renew a credential, by what came of them.",
    labels: { provider: "provider", outcome: ["renewed", "refused", "failed"] },
  },
  aurora_refresh_duration_seconds: {
    kind: "histogram",
    help: "Time a provider took to renew a credential, or to refuse or fail to.",
    labels: { provider: "provider" },
  },
  aurora_credential_lookups_total: {
    kind: "counter",
    help: "Looks for a credential to answer with, by where and with what success.",
    labels: { tier: ["isolate", "kv", "vault"], outcome: ["hit", "miss", "rejected"] },
  },
  aurora_vault_request_duration_seconds: {
    kind: "histogram",
    help: "Time the secret store took for one call, repeated tries included.",
    labels: {
      operation: ["read", "versions", "write", "label", "erase", "list", "check", "login", "renew", "lookup"],
      outcome: DONE_OR_FAILED,
    },
  },
  aurora_database_request_duration_seconds: {
    kind: "histogram",
    help: "Time the database took for one transaction.",
    labels: { outcome: DONE_OR_FAILED },
  },
  aurora_limit_decisions_total: {
    kind: "counter",
    help: "Decisions of the limiter; those from a lease saved a hop to its object.",
    labels: { bucket: LIMIT_NAMES, decision: ["allowed", "refused"], source: ["lease", "object", "alone"] },
  },
  aurora_audit_events_total: {
    kind: "counter",
    help: "Audit events, as they are chained and as they arrive in the database; the difference waits.",
    labels: { stage: ["chained", "stored"] },
  },
  aurora_audit_flush_failures_total: {
    kind: "counter",
    help: "Times that audit events could not be brought to the database and stayed where they are.",
    labels: {},
  },
  aurora_audit_losses_total: {
    kind: "counter",
    help: "Audit events that could not be recorded.",
    labels: {},
  },
  aurora_webhook_deliveries_total: {
    kind: "counter",
    help: "Tries to deliver a webhook, by what came of them; given up: the last of them failed too.",
    labels: { outcome: ["delivered", "failed", "given_up"] },
  },
  aurora_metric_series_refused_total: {
    kind: "counter",
    help: "Series that were not counted, for an unknown shape or because there are too many.",
    labels: {},
  },
} as const satisfies Readonly<Record<`aurora_${string}`, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
type OfKind<Kind> = { [Name in MetricName]: (typeof METRICS)[Name]["kind"] extends Kind ? Name : never }[MetricName];
export type CounterName = OfKind<"counter">;
export type HistogramName = OfKind<"histogram">;

type Rules<Name extends MetricName> = (typeof METRICS)[Name]["labels"];
type TextOf<Rule> = Rule extends readonly (infer Text extends string)[] ? Text : string;
/** The labels one series of that metric has. */
export type LabelsOf<Name extends MetricName> = keyof Rules<Name> extends never
  ? Readonly<Record<string, never>>
  : { readonly [Label in keyof Rules<Name>]: TextOf<Rules<Name>[Label]> };

/** The definition of that metric; null when there is none of that name. */
export function findMetric(name: string): MetricDefinition | null {
  return isMetricName(name) ? METRICS[name] : null;
}

export function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name);
}
