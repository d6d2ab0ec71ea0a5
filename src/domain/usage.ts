import { z } from "zod";
import type { JsonObject } from "./json.ts";

/** When use counts as abnormal. `USAGE_THRESHOLDS` overrides any of them by name. */
export interface UsageThresholds {
  /** Reads in an hour are abnormal when they are this many times the busiest hour of the week before … */
  readonly readsFactor: number;
  /** … and more than this. */
  readonly readsMinimum: number;
  /** Calls of one principal that connect an account, in any minute. Below what the limit `connect` lets through. */
  readonly connectsPerMinute: number;
  /** Reads of somebody whose role was changed … */
  readonly readsAfterRoleChange: number;
  /** … in this many minutes after it, and more than the busiest hour of the week before. */
  readonly roleChangeMinutes: number;
  /** A key's networks are learnt for so long from its first use, before a new one counts. */
  readonly networkLearningHours: number;
  /** A key seen from so many networks in a month has no home: a new one says nothing. */
  readonly roamingNetworks: number;
}

export const DEFAULT_USAGE_THRESHOLDS: UsageThresholds = {
  readsFactor: 4,
  readsMinimum: 300,
  connectsPerMinute: 6,
  readsAfterRoleChange: 20,
  roleChangeMinutes: 10,
  networkLearningHours: 72,
  roamingNetworks: 5,
};

const amount = z.number().min(1).max(1_000_000);

/** Some of the thresholds, by name, e.g. `{"readsFactor": 6}`. */
export const usageOverrides = z.partialRecord(
  z.enum(Object.keys(DEFAULT_USAGE_THRESHOLDS) as [keyof UsageThresholds, ...(keyof UsageThresholds)[]]),
  amount,
);

export type AbnormalityKind = "reads_above_habit" | "new_network" | "connection_burst" | "reads_after_role_change";

/** Use that is out of the ordinary, with the numbers that say so. */
export interface Abnormality {
  readonly kind: AbnormalityKind;
  readonly numbers: JsonObject;
}

/** Reads of credentials by one principal, as far as habits go. */
export interface Reads {
  /** The id of whoever read; `key_…>usr_…` for a key that acts for a user. */
  readonly who: string;
  /** The id it was read as: the user's, whoever acts for them. */
  readonly as: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** How often. */
  readonly times: number;
}

/** What a chain remembers of how its principals behave. Every method is one step on its own disk. */
export interface UsageMemory {
  /** Adds reads to that hour (whole hours since 1970) and answers how many it then holds. */
  addReads(who: string, hour: number, times: number): number;
  /** The reads of the busiest hour from `fromHour` until before `untilHour`; 0 without any. */
  busiestHour(who: string, fromHour: number, untilHour: number): number;
  /** The first hour with reads; null when there was none. */
  firstReadHour(who: string): number | null;
  /** When the key was first seen, and the networks it was seen from since `sinceMs`. */
  networks(key: string, sinceMs: number): { readonly firstSeenMs: number | null; readonly known: readonly string[] };
  keepNetwork(key: string, network: string, atMs: number): void;
  /** Notes a call that connected an account; several accounts of one call are one. Answers how many since `sinceMs`. */
  addConnect(who: string, request: string, atMs: number, sinceMs: number): number;
  keepRoleChange(user: string, atMs: number, role: string): void;
  /** Adds reads to those since the last change of that user's role; null when there was none since `sinceMs`. */
  addReadsSinceRole(
    user: string,
    sinceMs: number,
    times: number,
  ): { readonly role: string; readonly atMs: number; readonly reads: number } | null;
  lastAlarmMs(who: string, kind: AbnormalityKind): number | null;
  keepAlarm(who: string, kind: AbnormalityKind, atMs: number): void;
  /** Drops what is older than that. */
  forgetBefore(atMs: number): void;
}
