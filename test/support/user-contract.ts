import { expect, test } from "vitest";
import { createId } from "../../src/domain/ids.ts";
import {
  addUser,
  beginSession,
  FIRST_PAGE,
  HASH,
  OTHER_HASH,
  registerSomebody,
  type Stores,
} from "./identity-contract-rows.ts";
import { randomBytes } from "./random-bytes.ts";

/** Users, as every implementation keeps them. */
export function describeUsers(read: () => Stores): void {
  test("an email is taken once, across workspaces", async () => {
    const { users } = read();
    const { email, ...scope } = await registerSomebody(users);
    const other = await registerSomebody(users);
    const id = createId("usr", randomBytes);
    expect(await users.create(other, { id, email, name: null, role: "viewer", passwordHash: null })).toBeNull();
    const workspaceId = createId("wsp", randomBytes);
    const account = { workspaceId, workspaceName: "W", userId: id, email, name: null, passwordHash: HASH };
    expect(await users.register({ ...account, firstOnly: false })).toBe("email_taken");
    expect(await users.register({ ...account, email: "new@example.com", firstOnly: true })).toBe("closed");
    expect((await users.list(scope, FIRST_PAGE)).items).toHaveLength(1);
  });

  test("a login finds the person and the hash, and no hash once they are deactivated", async () => {
    const { users } = read();
    const scope = await registerSomebody(users);
    const id = await addUser(users, scope, "viewer");
    const email = `${id}@example.com`;
    expect(await users.findLogin("nobody@example.com")).toBeNull();
    expect(await users.findLogin(email)).toMatchObject({ user: { id, email, role: "viewer" }, passwordHash: HASH });
    await users.change(scope, id, { isActive: false });
    expect(await users.findLogin(email)).toMatchObject({ user: { id }, passwordHash: null });
  });

  test("another workspace's person cannot be found or changed", async () => {
    const { users } = read();
    const [mine, theirs] = [await registerSomebody(users), await registerSomebody(users)];
    expect(await users.find(mine, theirs.userId)).toBeNull();
    expect(await users.change(mine, theirs.userId, { role: "viewer" })).toBeNull();
    expect(await users.change(mine, theirs.userId, { passwordHash: OTHER_HASH })).toBeNull();
    expect(await users.findLogin(theirs.email)).toMatchObject({ passwordHash: HASH, user: { role: "admin" } });
  });

  test("the last active admin keeps role, password and sessions when a change would take the role", async () => {
    const { users, sessions, prover } = read();
    const scope = await registerSomebody(users);
    const { id } = await beginSession(sessions, scope);
    const change = { role: "viewer", passwordHash: OTHER_HASH } as const;
    expect(await users.change(scope, scope.userId, change)).toBe("last_admin");
    expect(await users.change(scope, scope.userId, { isActive: false })).toBe("last_admin");
    expect(await users.readPassword(scope, scope.userId)).toEqual({ hash: HASH });
    expect(await prover.proveSession(id, scope.userId, null)).not.toBeNull();
  });

  test("the other admin is an active one of the same workspace, the one who has been there longest", async () => {
    const { users } = read();
    const scope = await registerSomebody(users);
    await registerSomebody(users);
    expect(await users.findOtherAdmin(scope, scope.userId)).toBeNull();
    await addUser(users, scope, "viewer");
    const [gone, second] = [await addUser(users, scope, "admin"), await addUser(users, scope, "admin")];
    await addUser(users, scope, "admin");
    await users.change(scope, gone, { isActive: false });
    expect(await users.findOtherAdmin(scope, scope.userId)).toMatchObject({ id: second, role: "admin" });
    expect(await users.findOtherAdmin(scope, second)).toMatchObject({ id: scope.userId });
  });

  test("of two admins who demote each other at once one stays", async () => {
    const { users } = read();
    const scope = await registerSomebody(users);
    const second = await addUser(users, scope, "admin");
    const outcomes = await Promise.all([
      users.change(scope, second, { role: "viewer" }),
      users.change(scope, scope.userId, { isActive: false }),
    ]);
    expect(outcomes.filter((outcome) => outcome === "last_admin")).toHaveLength(1);
  });

  test("a new role, password or deactivation ends the person's sessions, a new name does not", async () => {
    const { users, sessions, prover } = read();
    const scope = await registerSomebody(users);
    const userId = await addUser(users, scope, "viewer");
    const own = { ...scope, userId };
    for (const change of [{ role: "operator" }, { passwordHash: HASH }, { isActive: false }] as const) {
      await users.change(scope, userId, { isActive: true });
      const { id } = await beginSession(sessions, own);
      await users.change(scope, userId, { name: null });
      expect(await prover.proveSession(id, userId, null)).not.toBeNull();
      await users.change(scope, userId, change);
      expect(await prover.proveSession(id, userId, null)).toBeNull();
    }
  });
}
