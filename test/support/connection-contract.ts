import { describe, expect, test } from "vitest";
import { bindingOf, type Connection } from "../../src/domain/connection.ts";
import { createId, toHex, type UserId, type WorkspaceId } from "../../src/domain/ids.ts";
import type { ConnectionStore } from "../../src/domain/ports/connection-store.ts";
import { createSecretRef } from "../../src/domain/secret-ref.ts";
import { addSeconds, epochSeconds } from "../../src/domain/time.ts";
import { describePages } from "./page-contract.ts";
import { randomBytes } from "./random-bytes.ts";

/** A person of a workspace that the store knows. */
export interface Member {
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
}

export interface ConnectionTables {
  readonly connections: ConnectionStore;
  /** Somebody in a workspace of their own. */
  register(): Promise<Member>;
  /** Takes a row away for good. */
  purge(id: string): Promise<unknown>;
}

const WHOLE = { provider: null, status: null, limit: 50, after: null };
const NOW = epochSeconds(Math.floor(Date.now() / 1000));

/** What every implementation of the connections' table does; the fake and Postgres both run it. */
export function describeConnectionStore(read: () => ConnectionTables): void {
  describePages("connections", async () => {
    const { connections, register, purge } = read();
    const owner = await register();
    const list = (page: { limit: number; after: string | null }) => connections.list(owner, { ...WHOLE, ...page });
    return { add: () => addConnection(connections, owner), list, purge };
  });

  test("a sweep brings the binding every other caller brings, so that no keeper takes it for a new one", async () => {
    const { connections, register } = read();
    const connection = await addConnection(connections, await register(), { dueAt: addSeconds(NOW, -3600) });
    expect(await connections.leaseDue(50, 60)).toContainEqual(bindingOf(connection));
  });

  test("a connection that is still being made holds its grant, and nobody sees it", async () => {
    const { connections, register } = read();
    const [owner, other] = [await register(), await register()];
    const id = createId("con", randomBytes);
    const upstreamAccount = toHex(randomBytes(32));
    const secretRefs = [createSecretRef("aurora", "users", `aurora-test-${id}-token`)];
    const about = { account: "a@example.com", upstreamAccount, shared: false };
    const row = await connections.reserve(owner, { id, provider: "rotating", ...about, secretRefs });
    expect(await connections.isGrantLive(other, "rotating", upstreamAccount)).toBe(true);
    expect(await connections.hasOtherLiveGrant(bindingOf(row))).toBe(false);
    expect(await connections.find(owner, id)).toBeNull();
    await connections.disconnect(bindingOf(row));
    expect(await connections.isGrantLive(other, "rotating", upstreamAccount)).toBe(false);
  });

  describe("the list of connections", () => {
    test("goes on although a colleague has withdrawn the last connection of the page before", async () => {
      const { connections, register } = read();
      const owner = await register();
      const reader = { ...owner, userId: createId("usr", randomBytes) };
      const made: Connection[] = [];
      for (let each = 0; each < 3; each += 1) made.push(await addConnection(connections, owner, { shared: true }));
      const first = await connections.list(reader, { ...WHOLE, limit: 1 });
      expect(first.items.map(({ id }) => id)).toEqual([made[0]?.id]);
      await connections.update(owner, first.items[0]?.id ?? createId("con", randomBytes), { shared: false });
      const rest = await connections.list(reader, { ...WHOLE, after: first.next });
      expect(rest.items.map(({ id }) => id)).toEqual(made.slice(1).map(({ id }) => id));
    });
  });
}

let made = 0;

/** A connection with its first secret, of an account of its own. */
export async function addConnection(
  connections: ConnectionStore,
  owner: Member,
  { shared = false, account = `account-${++made}`, dueAt = addSeconds(NOW, 3600) } = {},
): Promise<Connection> {
  const id = createId("con", randomBytes);
  const secretRefs = [createSecretRef("aurora", "users", `aurora-test-${id}-token`)];
  const row = await connections.reserve(owner, {
    ...{ id, provider: "rotating", account, upstreamAccount: null, shared, secretRefs },
  });
  await connections.recordSecret(bindingOf(row), {
    version: 1,
    issuedAt: NOW,
    expiresAt: addSeconds(NOW, 3600),
    refreshDueAt: dueAt,
    refreshedAt: null,
    consent: { scopes: [], upstreamAccount: null, metadata: {}, shared },
  });
  const found = await connections.find(owner, row.id);
  if (found === null) throw new Error("the connection is not there");
  return found;
}
