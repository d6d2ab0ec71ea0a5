import { beforeEach, describe, expect, test } from "vitest";
import { changePassword } from "../../../src/services/identity/change-password.ts";
import { deactivateUser } from "../../../src/services/identity/deactivate-user.ts";
import { logOut } from "../../../src/services/identity/log-out.ts";
import { revokeApiKey } from "../../../src/services/identity/revoke-api-key.ts";
import { updateUser } from "../../../src/services/identity/update-user.ts";
import {
  addColleague,
  addKey,
  CALL,
  createIdentityWorld,
  type IdentityWorld,
  PASSWORD,
  present,
  prove,
  signIn,
  signUp,
} from "../../support/identity-world.ts";

let world: IdentityWorld;
let admin: Awaited<ReturnType<typeof signUp>>;
beforeEach(async () => {
  world = createIdentityWorld();
  admin = await signUp(world, "admin@example.com");
});

describe("what ends a credential, at once in the isolate that ended it", () => {
  const refused = { ok: false, error: { code: "unauthenticated" } };

  test("logging out", async () => {
    await logOut(world.deps, admin.principal, [], CALL);
    expect(await present(world, { bearer: admin.token })).toMatchObject(refused);
  });

  test("a password change, for every other session", async () => {
    const other = await signIn(world, "admin@example.com");
    const change = { currentPassword: PASSWORD, newPassword: "another long one" };
    await changePassword(world.deps, admin.principal, change, CALL);
    expect(await present(world, { bearer: other.token })).toMatchObject(refused);
    expect(await present(world, { bearer: admin.token })).toMatchObject({ ok: true });
  });

  test("a role change and a deactivation, for keys acting for the person too", async () => {
    const { secret } = await addKey(world, admin.principal, ["tokens:read", "users:impersonate"]);
    const id = await addColleague(world, admin.principal, "analyst", "a@example.com");
    const { token } = await signIn(world, "a@example.com");
    await prove(world, { apiKey: secret, actAs: id });
    await updateUser(world.deps, admin.principal, id, { role: "viewer" }, async () => 0, CALL);
    expect(await present(world, { bearer: token })).toMatchObject(refused);
    expect(await prove(world, { apiKey: secret, actAs: id })).toMatchObject({ permissions: [] });
    await deactivateUser(world.deps, admin.principal, id, async () => 0, CALL);
    expect(await present(world, { apiKey: secret, actAs: id })).toMatchObject({ error: { code: "not_found" } });
  });

  test("a revocation of the key", async () => {
    const { secret, id } = await addKey(world, admin.principal, ["tokens:read"]);
    await prove(world, { apiKey: secret });
    await revokeApiKey(world.deps, admin.principal, id, async () => 0, CALL);
    expect(await present(world, { apiKey: secret })).toMatchObject(refused);
  });

  test("the end of its life", async () => {
    world.clock.seconds += 24 * 3600;
    expect(await present(world, { bearer: admin.token })).toMatchObject(refused);
  });

  test("in another isolate it ends when that one's memory does, after five seconds at most", async () => {
    const row = world.deps.sessionRows.values().next().value;
    if (row) world.deps.sessionRows.set(row.id, { ...row, endedAt: world.deps.now() });
    world.clock.seconds += 4;
    expect(await present(world, { bearer: admin.token })).toMatchObject({ ok: true });
    world.clock.seconds += 1;
    expect(await present(world, { bearer: admin.token })).toMatchObject(refused);
  });
});
