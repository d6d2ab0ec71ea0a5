import { describe, expect, test } from "vitest";
import { bindingOf, type Connection } from "../../src/domain/connection.ts";
import { createId, toHex, type UserId, type WorkspaceId } from "../../src/domain/ids.ts";
import type { ConnectionStore } from "../../src/domain/ports/connection-store.ts";
import { createSecretRef } from "../../src/domain/secret-ref.ts";
import { addSeconds, type EpochSeconds, epochSeconds } from "../../src/domain/time.ts";
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

  describe("credentials that end", () => {
    const DAYS = [30, 7, 1];
    const inDays = (days: number) => addSeconds(NOW, days * 86_400);
    const take = async ({ id }: Connection) =>
      (await read().connections.takeEndingCredentials(DAYS, 50))
        .filter(({ connectionId }) => connectionId === id)
        .map(({ days }) => days);

    test.each([
      [31, []],
      [29.5, [30]],
      [8, [30]],
      [6.5, [7]],
      [0.5, [1]],
      [-0.5, []],
    ])("within %d days of the end the warnings are %j, each once", async (days, expected) => {
      const { connections, register } = read();
      const credentialExpiresAt = inDays(days);
      const connection = await addConnection(connections, await register(), { credentialExpiresAt });
      expect(connection.credentialExpiresAt).toBe(credentialExpiresAt);
      expect(await take(connection)).toEqual(expected);
      expect(await take(connection)).toEqual([]);
    });

    test("a new end begins the warnings anew, the same end does not", async () => {
      const { connections, register } = read();
      const owner = await register();
      const again = { account: `account-${++made}`, credentialExpiresAt: inDays(6) };
      const connection = await addConnection(connections, owner, again);
      expect(await take(connection)).toEqual([7]);
      await addConnection(connections, owner, again);
      expect(await take(connection)).toEqual([]);
      await addConnection(connections, owner, { ...again, credentialExpiresAt: inDays(20) });
      expect(await take(connection)).toEqual([30]);
      const { credentialExpiresAt } = await addConnection(connections, owner, { ...again, credentialExpiresAt: null });
      expect([credentialExpiresAt, await take(connection)]).toEqual([null, []]);
    });

    test("two at once bring each warning once, and a disconnected connection brings none", async () => {
      const { connections, register } = read();
      const owner = await register();
      const one = await addConnection(connections, owner, { credentialExpiresAt: inDays(2) });
      const gone = await addConnection(connections, owner, { credentialExpiresAt: inDays(2) });
      await connections.disconnect(bindingOf(gone));
      const both = await Promise.all([take(one), take(one)]);
      expect([both.flat(), await take(gone)]).toEqual([[7], []]);
    });
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

interface AddOptions {
  readonly shared?: boolean;
  readonly account?: string;
  readonly dueAt?: EpochSeconds;
  readonly credentialExpiresAt?: EpochSeconds | null;
}

/** A connection with its first secret, of an account of its own. */
export async function addConnection(
  connections: ConnectionStore,
  owner: Member,
  options: AddOptions = {},
): Promise<Connection> {
  const { shared = false, account = `account-${++made}`, dueAt = addSeconds(NOW, 3600) } = options;
  const { credentialExpiresAt = null } = options;
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
    credentialExpiresAt,
    refreshedAt: null,
    consent: { scopes: [], upstreamAccount: null, metadata: {}, shared },
  });
  const found = await connections.find(owner, row.id);
  if (found === null) throw new Error("the connection is not there");
  return found;
}
