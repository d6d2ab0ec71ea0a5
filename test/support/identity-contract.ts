import { expect, test } from "vitest";
import { createId } from "../../src/domain/ids.ts";
import type { PageRequest } from "../../src/domain/page.ts";
import type { Scope } from "../../src/domain/principal.ts";
import { addSeconds } from "../../src/domain/time.ts";
import {
  addUser,
  beginSession,
  FIRST_PAGE,
  HASH,
  newKey,
  newKubectlToken,
  now,
  OTHER_HASH,
  registerSomebody,
  type Stores,
  type Table,
} from "./identity-contract-rows.ts";
import { describePages, type ListUnderTest } from "./page-contract.ts";
import { randomBytes } from "./random-bytes.ts";
import { describeUsers } from "./user-contract.ts";

/** What every implementation of the identity stores does; the fakes and Postgres both run it. */
export function describeIdentityStores(read: () => Stores): void {
  describeUsers(read);
  describeSessions(read);
  describeKeys(read);
  describeKubectlTokens(read);
  describeLists(read);
}

function describeLists(read: () => Stores): void {
  const startWith =
    (begin: (stores: Stores, mine: Scope) => Omit<ListUnderTest, "purge">, table: Table) => async () => {
      const stores = read();
      const list = begin(stores, await registerSomebody(stores.users));
      return { ...list, purge: (id: string) => stores.purge(table, id) };
    };
  const users = ({ users }: Stores, mine: Scope) => ({
    add: () => addUser(users, mine, "viewer"),
    list: (page: PageRequest) => users.list(mine, page),
  });
  const sessions = ({ sessions }: Stores, mine: Scope) => ({
    add: () => beginSession(sessions, mine),
    list: (page: PageRequest) => sessions.list(mine, page),
  });
  const apiKeys = ({ apiKeys }: Stores, mine: Scope) => ({
    add: () => apiKeys.create(mine, newKey()),
    list: (page: PageRequest) => apiKeys.list(mine, page),
  });
  const kubectlTokens = ({ kubectlTokens }: Stores, mine: Scope) => ({
    add: () => kubectlTokens.create(mine, newKubectlToken()),
    list: (page: PageRequest) => kubectlTokens.list(mine, page),
  });
  describePages("people", startWith(users, "users"));
  describePages("sessions", startWith(sessions, "sessions"));
  describePages("API keys", startWith(apiKeys, "api_keys"));
  describePages("agents' tokens", startWith(kubectlTokens, "kubectl_tokens"));
}

function describeSessions(read: () => Stores): void {
  test("a session is proven until it is ended by its own person", async () => {
    const { users, sessions, prover } = read();
    const [mine, theirs] = [await registerSomebody(users), await registerSomebody(users)];
    const { id, isBegun, session } = await beginSession(sessions, mine);
    expect(isBegun).toBe(true);
    expect((await sessions.list(mine, FIRST_PAGE)).items).toEqual([session]);
    expect(await prover.proveSession(id, theirs.userId, null)).toBeNull();
    expect(await sessions.end(theirs, id)).toBe(false);
    expect(await prover.proveSession(id, mine.userId, null)).toMatchObject({ proven: { role: "admin" } });
    expect(await sessions.end(mine, id)).toBe(true);
    expect(await sessions.end(mine, id)).toBe(false);
    expect(await prover.proveSession(id, mine.userId, null)).toBeNull();
    expect((await sessions.list(mine, FIRST_PAGE)).items).toEqual([]);
  });

  test("no session begins with a password that was changed meanwhile", async () => {
    const { users, sessions } = read();
    const scope = await registerSomebody(users);
    expect((await beginSession(sessions, scope, OTHER_HASH)).isBegun).toBe(false);
    expect((await sessions.list(scope, FIRST_PAGE)).items).toEqual([]);
  });

  test("a password change ends every session but the one that is kept", async () => {
    const { users, sessions, prover } = read();
    const scope = await registerSomebody(users);
    const [kept, other] = [await beginSession(sessions, scope), await beginSession(sessions, scope)];
    expect(await users.setPassword(scope, scope.userId, HASH, OTHER_HASH, kept.id)).toBe(true);
    expect(await prover.proveSession(kept.id, scope.userId, null)).not.toBeNull();
    expect(await prover.proveSession(other.id, scope.userId, null)).toBeNull();
    expect(await users.readPassword(scope, scope.userId)).toEqual({ hash: OTHER_HASH });
  });

  test("of two password changes at once only the first knew the password", async () => {
    const { users } = read();
    const scope = await registerSomebody(users);
    const hashes = ["x", "y", "z"].map((letter) => OTHER_HASH.slice(0, -1) + letter);
    const changes = await Promise.all(hashes.map((hash) => users.setPassword(scope, scope.userId, HASH, hash, null)));
    expect(changes.filter(Boolean)).toHaveLength(1);
    expect(await users.readPassword(scope, scope.userId)).toEqual({ hash: hashes[changes.indexOf(true)] });
  });

  test("a session that expired is not proven, listed or ended", async () => {
    const { users, sessions, prover } = read();
    const scope = await registerSomebody(users);
    const id = createId("ses", randomBytes);
    const past = addSeconds(now(), -60);
    await sessions.create(scope, { id, createdAt: past, expiresAt: past, ip: null, userAgent: null }, HASH);
    expect(await prover.proveSession(id, scope.userId, null)).toBeNull();
    expect((await sessions.list(scope, FIRST_PAGE)).items).toEqual([]);
    expect(await sessions.end(scope, id)).toBe(false);
  });
}

function describeKeys(read: () => Stores): void {
  test("a key is proven by its hash until it is revoked, and shows when it was used", async () => {
    const { users, apiKeys, prover } = read();
    const [mine, theirs] = [await registerSomebody(users), await registerSomebody(users)];
    const key = newKey();
    await apiKeys.create(mine, key);
    const { keyHash, ...shown } = key;
    expect((await apiKeys.list(mine, FIRST_PAGE)).items).toEqual([{ ...shown, lastUsedAt: null }]);
    expect(await prover.proveKey(keyHash, null, null)).toEqual({
      proven: {
        keyId: key.id,
        principalId: key.id,
        workspaceId: mine.workspaceId,
        serviceName: "ci",
        permissions: key.permissions,
        expiresAt: key.expiresAt,
      },
      actingUser: null,
      connection: null,
    });
    expect((await apiKeys.find(mine, key.id))?.lastUsedAt).not.toBeNull();
    expect(await apiKeys.find(theirs, key.id)).toBeNull();
    expect(await apiKeys.revoke(theirs, key.id)).toBeNull();
    expect(await apiKeys.revoke(mine, key.id)).toEqual({ principalId: key.id, isRevoked: true });
    expect(await apiKeys.revoke(mine, key.id)).toEqual({ principalId: key.id, isRevoked: false });
    expect(await prover.proveKey(keyHash, null, null)).toBeNull();
    expect((await apiKeys.list(mine, FIRST_PAGE)).items).toEqual([]);
  });

  test("a key finds an active user of its own workspace to act for, and no other", async () => {
    const { users, apiKeys, prover } = read();
    const [mine, theirs] = [await registerSomebody(users), await registerSomebody(users)];
    const { keyHash, ...key } = newKey();
    await apiKeys.create(mine, { ...key, keyHash });
    const userId = await addUser(users, mine, "viewer");
    expect((await prover.proveKey(keyHash, userId, null))?.actingUser).toMatchObject({ id: userId, role: "viewer" });
    expect((await prover.proveKey(keyHash, theirs.userId, null))?.actingUser).toBeNull();
    await users.change(mine, userId, { isActive: false });
    expect((await prover.proveKey(keyHash, userId, null))?.actingUser).toBeNull();
  });

  test("keys that were rotated act as the first of their line, while one of them lives", async () => {
    const { users, apiKeys, prover } = read();
    const [mine, theirs] = [await registerSomebody(users), await registerSomebody(users)];
    const first = newKey();
    const [second, third] = [newKey({ principalId: first.id }), newKey({ principalId: first.id })];
    await apiKeys.create(mine, first);
    await apiKeys.replace(mine, first.id, second, addSeconds(now(), 60));
    await apiKeys.replace(mine, second.id, third, null);
    for (const { id, keyHash } of [first, third]) {
      expect(await prover.proveKey(keyHash, null, null)).toMatchObject({
        proven: { keyId: id, principalId: first.id },
      });
      expect(await apiKeys.find(mine, id)).toMatchObject({ id, principalId: first.id });
    }
    expect(await apiKeys.revoke(mine, first.id)).toEqual({ principalId: first.id, isRevoked: true });
    expect([await apiKeys.hasLiveKey(mine, first.id), await apiKeys.hasLiveKey(theirs, first.id)]).toEqual([
      true,
      false,
    ]);
    expect(await apiKeys.revoke(mine, third.id)).toEqual({ principalId: first.id, isRevoked: true });
    expect(await apiKeys.hasLiveKey(mine, first.id)).toBe(false);
  });

  test("an expired key is no live key of its principal, and is not revoked, though it is known", async () => {
    const { users, apiKeys } = read();
    const scope = await registerSomebody(users);
    const key = newKey({ expiresAt: addSeconds(now(), -1) });
    await apiKeys.create(scope, key);
    expect(await apiKeys.hasLiveKey(scope, key.id)).toBe(false);
    expect(await apiKeys.revoke(scope, key.id)).toEqual({ principalId: key.id, isRevoked: false });
    expect(await apiKeys.revoke(scope, createId("key", randomBytes))).toBeNull();
  });

  test("an expired key is not proven, found or rotated", async () => {
    const { users, apiKeys, prover } = read();
    const scope = await registerSomebody(users);
    const key = newKey({ expiresAt: addSeconds(now(), -1) });
    await apiKeys.create(scope, key);
    expect(await prover.proveKey(key.keyHash, null, null)).toBeNull();
    expect(await apiKeys.find(scope, key.id)).toBeNull();
    expect(await apiKeys.replace(scope, key.id, newKey(), null)).toBe(false);
  });

  test("a replaced key stops at once without grace, and later with it, but never after its own end", async () => {
    const { users, apiKeys, prover } = read();
    const scope = await registerSomebody(users);
    const [first, second, third] = [newKey(), newKey(), newKey()];
    await apiKeys.create(scope, first);
    expect(await apiKeys.replace(scope, first.id, second, null)).toBe(true);
    expect(await prover.proveKey(first.keyHash, null, null)).toBeNull();
    const until = addSeconds(now(), 60);
    expect(await apiKeys.replace(scope, second.id, third, until)).toBe(true);
    expect(await prover.proveKey(second.keyHash, null, null)).not.toBeNull();
    expect((await apiKeys.find(scope, second.id))?.expiresAt).toBe(until);
    expect(await apiKeys.replace(scope, second.id, newKey(), until)).toBe(false);
    expect(await prover.proveKey(third.keyHash, null, null)).not.toBeNull();
    const ending = newKey({ expiresAt: addSeconds(now(), 30) });
    await apiKeys.create(scope, ending);
    await apiKeys.replace(scope, ending.id, newKey(), until);
    expect((await apiKeys.find(scope, ending.id))?.expiresAt).toBe(ending.expiresAt);
  });
}

function describeKubectlTokens(read: () => Stores): void {
  test("an agent's token is proven by its hash until its own workspace revokes it", async () => {
    const { users, kubectlTokens, prover } = read();
    const [mine, theirs] = [await registerSomebody(users), await registerSomebody(users)];
    const token = newKubectlToken({ notes: "two\nlines", expiresInSeconds: 60 });
    const made = await kubectlTokens.create(mine, token);
    const { tokenHash, expiresInSeconds, ...shown } = token;
    expect(made).toEqual({
      ...{ ...shown, createdBy: mine.userId, lastUsedAt: null },
      ...{ createdAt: expect.any(Number), expiresAt: made.createdAt + 60 },
    });
    expect((await kubectlTokens.list(mine, FIRST_PAGE)).items).toEqual([made]);
    expect(await prover.proveKubectlToken(tokenHash, null)).toEqual({
      proven: { tokenId: token.id, workspaceId: mine.workspaceId, clusterName: "staging", expiresAt: made.expiresAt },
      connection: null,
    });
    expect((await kubectlTokens.list(mine, FIRST_PAGE)).items[0]?.lastUsedAt).not.toBeNull();
    expect((await kubectlTokens.list(theirs, FIRST_PAGE)).items).toEqual([]);
    expect(await kubectlTokens.revoke(theirs, token.id)).toBe(false);
    expect(await kubectlTokens.revoke(mine, token.id)).toBe(true);
    expect(await kubectlTokens.revoke(mine, token.id)).toBe(false);
    expect(await prover.proveKubectlToken(tokenHash, null)).toBeNull();
    expect((await kubectlTokens.list(mine, FIRST_PAGE)).items).toEqual([]);
  });

  test("an agent's token that expired is not proven, listed or revoked, and its hash is no key's", async () => {
    const { users, kubectlTokens, prover } = read();
    const scope = await registerSomebody(users);
    const [live, expired] = [newKubectlToken(), newKubectlToken({ expiresInSeconds: -1 })];
    await kubectlTokens.create(scope, expired);
    expect(await prover.proveKubectlToken(expired.tokenHash, null)).toBeNull();
    expect((await kubectlTokens.list(scope, FIRST_PAGE)).items).toEqual([]);
    expect(await kubectlTokens.revoke(scope, expired.id)).toBe(false);
    await kubectlTokens.create(scope, live);
    expect(await prover.proveKey(live.tokenHash, null, null)).toBeNull();
  });
}
