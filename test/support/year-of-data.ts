import type { RetentionKind } from "../../src/domain/retention.ts";
import { createChance } from "./chance.ts";
import { createYearOfEvents } from "./year-of-events.ts";

/** One row a year has left, and whether retention is to take it. */
export interface YearRow {
  readonly table: string;
  readonly kind: RetentionKind;
  readonly id: string;
  readonly workspaceId: string;
  readonly columns: Readonly<Record<string, unknown>>;
  /** Worked out from the rules as people read them, not from the schema. */
  readonly goes: boolean;
}

/** A year of three workspaces: the same one every time, but for the day it ends on. */
export interface YearOfData {
  readonly workspaces: readonly string[];
  readonly rows: readonly YearRow[];
  /** When each event of a chain was recorded, in hours ago, oldest first. */
  readonly events: ReadonlyMap<string, readonly number[]>;
  /** What retention is to take of the rows, by `{kind} {workspace}`, sorted. */
  readonly expected: ReadonlyMap<string, readonly string[]>;
}

const DAYS = 365;
const WORKSPACES = 3;
const SESSION_KEPT_HOURS = 24;
const KEPT_HOURS = 30 * 24;
const HOUR_MS = 3_600_000;
/** Nothing ends on the hour, so nothing is exactly as old as a rule says. */
const HALF = 0.5;

interface Person {
  readonly id: string;
  readonly workspaceId: string;
  readonly joined: number;
  /** Hours ago; null = active. */
  readonly left: number | null;
}

/** @param seed Another year. */
export function createYearOfData(endMs: number, seed = 1): YearOfData {
  const chance = createChance(seed);
  const upTo = (limit: number) => Math.floor(chance() * limit);
  const ids = new Map<string, number>();
  const newId = (kind: string) => {
    const number = (ids.get(kind) ?? 0) + 1;
    ids.set(kind, number);
    return `${kind}_${number.toString(16).padStart(32, "0")}`;
  };
  const at = (hoursAgo: number | null) =>
    hoursAgo === null ? null : new Date(endMs - hoursAgo * HOUR_MS).toISOString();
  const hash = () => Array.from({ length: 64 }, () => upTo(16).toString(16)).join("");
  /** When something that began then is over, hours ago; null = not yet. */
  const endAfter = (began: number, hours: number) => (began - hours > 0 ? began - hours : null);
  const rows: YearRow[] = [];
  const add = (table: string, kind: RetentionKind, workspaceId: string, over: number | null, columns: object) => {
    const id = String((columns as { id: string }).id);
    const kept = kind === "sessions" ? SESSION_KEPT_HOURS : KEPT_HOURS;
    rows.push({ table, kind, id, workspaceId, columns: { ...columns }, goes: over !== null && over > kept });
  };
  /** A row that stays although it ended long ago. */
  const spare = (id: string) => {
    const index = rows.findIndex((row) => row.id === id);
    const row = rows[index];
    if (row) rows[index] = { ...row, goes: false };
  };

  function addPerson(workspaceId: string, joined: number, left: number | null, role = "viewer"): Person {
    const person = { id: newId("usr"), workspaceId, joined, left };
    add("users", "users", workspaceId, left, {
      id: person.id,
      ...{ workspace_id: workspaceId, email: `${person.id}@example.com`, role, is_active: left === null },
      ...{ created_at: at(joined), deactivated_at: at(left) },
    });
    return person;
  }

  function addSession({ id, workspaceId, left }: Person, began: number): void {
    const expires = began - (upTo(4) === 0 ? 720 : 24);
    const ended = [upTo(3) === 0 ? began - 1 - upTo(40) : null, left].filter((end) => end !== null && end > 0);
    const over = Math.max(expires, ...ended.map(Number));
    add("sessions", "sessions", workspaceId, over > 0 ? over : null, {
      ...{ id: newId("ses"), user_id: id, workspace_id: workspaceId, created_at: at(began), expires_at: at(expires) },
      ended_at: over > expires ? at(over) : null,
    });
  }

  function addConnection(owner: { id: string; workspaceId: string }, began: number, deleted: number | null): string {
    const id = newId("con");
    add("user_tokens", "connections", owner.workspaceId, deleted, {
      ...{ id, workspace_id: owner.workspaceId, owner_id: owner.id, provider: "rotating", account: id },
      ...{ secret_ref: `vault:kv/data/aurora/users/aurora-test-${owner.id}-rotating-${id.slice(-16)}-token` },
      ...{ version: 1 + upTo(5), is_active: deleted === null, deleted_at: at(deleted), created_at: at(began) },
      status: "active",
    });
    return id;
  }

  /** Two keys of one principal, which owns something that lives: the first is long dead, the second since `revoked`. */
  function addRotatedKey(maker: Person, revoked: number | null): void {
    const first = newId("key");
    const second = newId("key");
    const common = { workspace_id: maker.workspaceId, service_name: "s", key_prefix: "ak_", permissions: [] };
    const made = { ...common, created_by: maker.id, created_at: at(300 * 24 + HALF), expires_at: null };
    const later = { id: second, principal_id: first, key_hash: hash(), revoked_at: at(revoked), replaced_by: null };
    const earlier = { id: first, principal_id: null, key_hash: hash(), revoked_at: at(100 * 24 + HALF) };
    add("api_keys", "api_keys", maker.workspaceId, revoked, { ...made, ...later });
    add("api_keys", "api_keys", maker.workspaceId, 100 * 24 + HALF, { ...made, ...earlier, replaced_by: second });
    addConnection({ id: first, workspaceId: maker.workspaceId }, 200 * 24 + HALF, null);
    // No key is left to act as the principal: an admin can release what it owns through either.
    if (revoked !== null) for (const id of [first, second]) spare(id);
  }

  function addKey(maker: Person, began: number, successor: string | null): string {
    const expires = upTo(2) === 0 ? began - 90 * 24 : null;
    const revoked = upTo(2) === 0 ? endAfter(began, 24 * upTo(200)) : null;
    const over = Math.max(expires ?? -1, revoked ?? -1);
    const id = newId("key");
    add("api_keys", "api_keys", maker.workspaceId, over > 0 ? over : null, {
      ...{ id, workspace_id: maker.workspaceId, service_name: "s", key_hash: hash(), key_prefix: "ak_" },
      ...{ permissions: [], created_by: maker.id, created_at: at(began), expires_at: at(expires) },
      ...{ revoked_at: at(revoked), replaced_by: successor, principal_id: null },
    });
    return id;
  }

  function addAgentToken(maker: Person, began: number): void {
    const expires = began - 24 * (10 + upTo(300));
    const revoked = upTo(3) === 0 ? endAfter(began, 24 * upTo(100)) : null;
    const over = Math.max(expires, revoked ?? -1);
    add("kubectl_tokens", "kubectl_tokens", maker.workspaceId, over > 0 ? over : null, {
      ...{ id: newId("kct"), workspace_id: maker.workspaceId, cluster_name: "c", token_hash: hash() },
      ...{ created_by: maker.id, created_at: at(began), expires_at: at(expires), revoked_at: at(revoked) },
    });
  }

  /** A webhook that was asked for, and perhaps deleted, and what it was sent. */
  function addWebhook(maker: Person, began: number, erased: number | null): void {
    const id = newId("whk");
    const { workspaceId } = maker;
    add("webhooks", "webhooks", workspaceId, erased, {
      ...{ id, workspace_id: workspaceId, url: "https://hooks.example.com/", events: ["connection.*"] },
      ...{ secret_ref: `vault:kv/data/aurora/users/webhook-${id}`, created_by: maker.id, created_at: at(began) },
      ...{ is_active: erased === null, deleted_at: at(erased), secret_erased_at: at(erased) },
    });
    const send = (sent: number, status: string, next: number | null) => {
      const delivery = { id: newId("msg"), webhook_id: id, workspace_id: workspaceId, seq: Math.floor(began - sent) };
      add("webhook_deliveries", "webhook_deliveries", workspaceId, sent, {
        ...{ ...delivery, event: "connection.recovered", payload: "{}", status, attempts: 1 },
        ...{ created_at: at(sent), next_attempt_at: at(next) },
      });
      return delivery.id;
    };
    for (let sent = began - 1; sent > (erased ?? 0); sent -= 100 + upTo(400)) send(sent, "delivered", null);
    if (erased !== null) return;
    // One that was replayed yesterday and may still be sent, and one that waits for a webhook that was paused.
    spare(send(60 * 24 + HALF, "pending", 12));
    send(50 * 24 + HALF, "pending", 49 * 24);
  }

  const workspaces = Array.from({ length: WORKSPACES }, () => newId("wsp"));
  for (const workspaceId of workspaces) {
    const people = [addPerson(workspaceId, DAYS * 24 + HALF, null, "admin")];
    const keys: string[] = [];
    for (let day = DAYS - 1; day >= 0; day--) {
      const noon = day * 24 + 12 + HALF;
      if (day % 9 === 0) people.push(addPerson(workspaceId, noon, upTo(3) > 0 ? endAfter(noon, 24 * upTo(250)) : null));
      const present = people.filter(({ joined, left }) => joined >= noon && (left === null || left < noon));
      const somebody = () => present[upTo(present.length)] ?? present[0] ?? fail();
      for (let n = 1 + upTo(3); n > 0; n--) addSession(somebody(), noon);
      if (day % 4 === 0) {
        const owner = somebody();
        const ended = upTo(2) === 0 ? endAfter(noon, 24 * upTo(200)) : null;
        // Who leaves takes their connections along.
        const deleted = Math.max(ended ?? -1, owner.left ?? -1);
        addConnection(owner, noon, deleted > 0 ? deleted : null);
      }
      if (day % 10 === 0) keys.push(addKey(somebody(), noon, upTo(4) === 0 ? (keys.at(-1) ?? null) : null));
      if (day % 14 === 0) addAgentToken(somebody(), noon);
    }
    // Somebody, and a principal, that could not be released whole: they stay while they own something that lives.
    const held = addPerson(workspaceId, 300 * 24 + HALF, 100 * 24 + HALF);
    addConnection(held, 200 * 24 + HALF, null);
    spare(held.id);
    addRotatedKey(people[0] ?? fail(), 90 * 24 + HALF);
    addRotatedKey(people[0] ?? fail(), null);
    for (const erased of [null, 20 * 24 + HALF, 50 * 24 + HALF]) {
      addWebhook(people[0] ?? fail(), 200 * 24 + HALF, erased);
    }
  }
  return { workspaces, rows, events: createYearOfEvents(workspaces), expected: groupExpected(rows) };
}

function groupExpected(rows: readonly YearRow[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { kind, workspaceId, id, goes } of rows) {
    const key = `${kind} ${workspaceId}`;
    if (goes) groups.set(key, [...(groups.get(key) ?? []), id].sort());
  }
  return groups;
}

function fail(): never {
  throw new Error("the year has nobody in it");
}
