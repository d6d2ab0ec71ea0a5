import type { AuditEntry } from "./audit-event.ts";
import type { JsonObject } from "./json.ts";

/**
 * One entry for two that are counted together: it says what is true of both. What they differ in is null, or left out of
 * `detail`; who did it and what it was are the same, or they would not be counted together.
 */
export function shareEntry(one: AuditEntry, other: AuditEntry): AuditEntry {
  return {
    ...other,
    resource: isSame(one.resource, other.resource) ? other.resource : null,
    ip: one.ip === other.ip ? other.ip : null,
    requestId: one.requestId === other.requestId ? other.requestId : null,
    detail: shareDetail(one.detail, other.detail),
  };
}

function shareDetail(one: JsonObject, other: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(other).filter(([name, value]) => isSame(one[name], value)));
}

/** Entries of one key are built by one place, so equal ones have their members in the same order. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
