import type { JsonObject } from "../../src/domain/json.ts";

/** One version of a secret. */
export interface VersionRecord {
  /** RFC 3339. */
  readonly createdTime: string;
  /** RFC 3339, possibly in the future; empty when not deleted. */
  readonly deletionTime: string;
  readonly destroyed: boolean;
  /** Null once destroyed. */
  readonly data: JsonObject | null;
}

/** A secret: its settings and the versions still kept, by number. */
export interface SecretRecord {
  readonly versions: Readonly<Record<string, VersionRecord>>;
  readonly currentVersion: number;
  /** 0 until the first version was pruned. */
  readonly oldestVersion: number;
  readonly createdTime: string;
  readonly updatedTime: string;
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly deleteVersionAfterSeconds: number;
  readonly customMetadata: Readonly<Record<string, string>> | null;
}

/** What holds for every secret of a mount that does not say otherwise; 0 means Vault's default. */
export interface MountConfig {
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly deleteVersionAfterSeconds: number;
}

export const DEFAULT_MOUNT_CONFIG: MountConfig = { maxVersions: 0, casRequired: false, deleteVersionAfterSeconds: 0 };

/** Vault keeps ten versions unless told otherwise. */
const DEFAULT_MAX_VERSIONS = 10;

/** A secret nothing was written to yet. @param now RFC 3339. */
export function createSecretRecord(now: string): SecretRecord {
  return {
    versions: {},
    currentVersion: 0,
    oldestVersion: 0,
    createdTime: now,
    updatedTime: now,
    maxVersions: 0,
    casRequired: false,
    deleteVersionAfterSeconds: 0,
    customMetadata: null,
  };
}

/** The record with one more version, and the oldest dropped when there are too many. */
export function addVersion(record: SecretRecord, config: MountConfig, data: JsonObject, now: Date): SecretRecord {
  const number = record.currentVersion + 1;
  const maxVersions = Math.max(record.maxVersions, config.maxVersions) || DEFAULT_MAX_VERSIONS;
  const oldest = Math.max(record.oldestVersion, number - maxVersions + 1);
  const kept = Object.entries(record.versions).filter(([version]) => Number(version) >= oldest);
  const added: VersionRecord = {
    createdTime: now.toISOString(),
    deletionTime: deletionTime(record, config, now),
    destroyed: false,
    data,
  };
  return {
    ...record,
    versions: { ...Object.fromEntries(kept), [number]: added },
    currentVersion: number,
    oldestVersion: number > maxVersions ? oldest : record.oldestVersion,
    updatedTime: added.createdTime,
  };
}

/** When a version made now deletes itself: the shorter of the two settings; empty when there is none. */
export function deletionTime(record: SecretRecord, config: MountConfig, now: Date): string {
  const set = [record.deleteVersionAfterSeconds, config.deleteVersionAfterSeconds].filter((seconds) => seconds > 0);
  return set.length === 0 ? "" : new Date(now.getTime() + Math.min(...set) * 1000).toISOString();
}

/** Says whether the version cannot be read any more. */
export function isGone(version: VersionRecord, now: Date): boolean {
  return version.destroyed || (version.deletionTime !== "" && Date.parse(version.deletionTime) <= now.getTime());
}

/** The record with `change` made to each named version that exists and is not destroyed. */
export function changeVersions(
  record: SecretRecord,
  numbers: readonly number[],
  change: (version: VersionRecord) => VersionRecord,
): SecretRecord {
  const entries = Object.entries(record.versions).map(([number, version]): [string, VersionRecord] => {
    const isNamed = numbers.includes(Number(number)) && !version.destroyed;
    return [number, isNamed ? change(version) : version];
  });
  return { ...record, versions: Object.fromEntries(entries) };
}
