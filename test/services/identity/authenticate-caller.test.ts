import { beforeEach, describe, expect, test } from "vitest";
import { deactivateUser } from "../../../src/services/identity/deactivate-user.ts";
import {
  addColleague,
  addKey,
  CALL,
  createIdentityWorld,
  type IdentityWorld,
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

const FORGED_KEY = `aurora_${"A".repeat(43)}`;

describe("one credential", () => {
  test("nothing presented proves nobody, nor does a user id alone", async () => {
    expect(await present(world, {})).toMatchObject({ ok: false, error: { code: "unauthenticated" } });
    expect(await present(world, { actAs: admin.id })).toMatchObject({ ok: false, error: { code: "unauthenticated" } });
  });

  test("a session proves its person by bearer and by cookie", async () => {
    expect(await prove(world, { bearer: admin.token })).toMatchObject({ id: admin.id, role: "admin" });
    expect(await prove(world, { cookies: [admin.token] })).toMatchObject({ email: "admin@example.com" });
  });

  test.each(["", "x", "a.b.c", "aurora_kubectl_1"])("the bearer token %j is refused", async (bearer) => {
    expect(await present(world, { bearer })).toMatchObject({ ok: false, reason: "invalid_token" });
  });

  test.each(["x", "aurora_", FORGED_KEY, `${FORGED_KEY}=`])("the key %j is refused", async (apiKey) => {
    expect(await present(world, { apiKey })).toMatchObject({ ok: false, error: { code: "unauthenticated" } });
  });

  test("a key is its own principal and never manages users", async () => {
    const { secret, id } = await addKey(world, admin.principal, ["connections:read", "tokens:read"]);
    expect(await prove(world, { apiKey: secret })).toMatchObject({
      id,
      role: "api_service",
      email: null,
      workspaceId: admin.principal.workspaceId,
      permissions: ["connections:read", "tokens:read"],
    });
  });

  test("the role is the database's, not the token's", async () => {
    await signUp(world, "other@example.com");
    const id = await addColleague(world, admin.principal, "operator", "op@example.com");
    const { token } = await signIn(world, "op@example.com");
    const row = world.deps.userRows.get(id);
    if (row) world.deps.userRows.set(id, { ...row, role: "viewer" });
    world.deps.identities.forget({ userId: id });
    expect(await prove(world, { bearer: token })).toMatchObject({ role: "viewer", permissions: ["connections:read"] });
  });

  test("a session whose token names another workspace is refused", async () => {
    const other = await signUp(world, "other@example.com");
    const claims = await world.deps.sessionTokens.verify(admin.token);
    if (!claims) throw new Error("not verified");
    const forged = await world.deps.sessionTokens.sign({ ...claims, workspaceId: other.principal.workspaceId });
    expect(await present(world, { bearer: forged })).toMatchObject({ ok: false, reason: "session_ended" });
  });
});

describe("several credentials", () => {
  test("an invalid one is refused even beside a valid one", async () => {
    const { secret } = await addKey(world, admin.principal, ["tokens:read"]);
    for (const presented of [
      { bearer: admin.token, apiKey: FORGED_KEY },
      { bearer: admin.token, apiKey: "junk" },
      { bearer: "junk", apiKey: secret },
      { bearer: "junk", cookies: [admin.token] },
      { bearer: admin.token, cookies: ["junk"] },
      { cookies: ["junk"], apiKey: secret },
    ]) {
      expect(await present(world, presented)).toMatchObject({ ok: false, error: { code: "unauthenticated" } });
    }
  });

  test("a session and a key together are a contradiction", async () => {
    const { secret } = await addKey(world, admin.principal, ["tokens:read"]);
    for (const session of [{ bearer: admin.token }, { cookies: [admin.token] }]) {
      expect(await present(world, { ...session, apiKey: secret })).toMatchObject({ reason: "session_and_key" });
    }
  });

  test("sessions of two people, and two cookies, are a contradiction", async () => {
    const other = await signUp(world, "other@example.com");
    const two = await present(world, { bearer: admin.token, cookies: [other.token] });
    expect(two).toMatchObject({ reason: "two_users", error: { code: "invalid_request" } });
    const cookies = await present(world, { cookies: [admin.token, admin.token] });
    expect(cookies).toMatchObject({ reason: "two_cookies", error: { code: "invalid_request" } });
  });

  test("two sessions of one person are that person, by the bearer's session", async () => {
    const again = await signIn(world, "admin@example.com");
    const principal = await prove(world, { bearer: again.token, cookies: [admin.token] });
    expect(principal.credential).toEqual(again.principal.credential);
  });
});

describe("acting for a user", () => {
  test("a session may name only its own user", async () => {
    const other = await addColleague(world, admin.principal, "viewer", "v@example.com");
    expect(await prove(world, { bearer: admin.token, actAs: admin.id })).toMatchObject({ id: admin.id });
    for (const actAs of [other, "usr_x", ""]) {
      const answer = await present(world, { bearer: admin.token, actAs });
      expect(answer).toMatchObject({ ok: false, error: { code: "forbidden" } });
    }
  });

  test("a key without the permission may name nobody, not even one who is not there", async () => {
    const { secret } = await addKey(world, admin.principal, ["tokens:read"]);
    for (const actAs of [admin.id, `usr_${"0".repeat(32)}`, "junk", ""]) {
      expect(await present(world, { apiKey: secret, actAs })).toMatchObject({ error: { code: "forbidden" } });
    }
  });

  test("a key acts with the permissions both have", async () => {
    const { secret, id } = await addKey(world, admin.principal, [
      "tokens:read",
      "connections:write",
      "users:impersonate",
    ]);
    const analyst = await addColleague(world, admin.principal, "analyst", "a@example.com");
    expect(await prove(world, { apiKey: secret, actAs: analyst })).toMatchObject({
      id: analyst,
      role: "analyst",
      permissions: ["tokens:read"],
      impersonatedBy: id,
    });
    const asAdmin = await prove(world, { apiKey: secret, actAs: admin.id });
    expect(asAdmin.permissions).toEqual(["connections:write", "tokens:read"]);
  });

  test("nobody of another workspace, nobody unknown and nobody deactivated can be acted for", async () => {
    const { secret } = await addKey(world, admin.principal, ["users:impersonate"]);
    const stranger = await signUp(world, "other@example.com");
    const gone = await addColleague(world, admin.principal, "viewer", "v@example.com");
    await deactivateUser(world.deps, admin.principal, gone, async () => 0, CALL);
    for (const actAs of [stranger.id, gone, `usr_${"0".repeat(32)}`, "junk", "", admin.id.toUpperCase()]) {
      expect(await present(world, { apiKey: secret, actAs })).toMatchObject({ error: { code: "not_found" } });
    }
  });

  test("what was remembered for one user is not used for another or for the key itself", async () => {
    const { secret, id } = await addKey(world, admin.principal, ["users:impersonate"]);
    await prove(world, { apiKey: secret, actAs: admin.id });
    expect(await prove(world, { apiKey: secret })).toMatchObject({ id, impersonatedBy: null });
  });
});
