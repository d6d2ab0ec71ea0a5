import { beforeEach, describe, expect, test } from "vitest";
import { requireId } from "../../src/domain/ids.ts";
import { deactivateUser } from "../../src/services/identity/deactivate-user.ts";
import { bearer, createIdentityApp, send } from "../support/identity-app.ts";
import {
  actionsOf,
  addColleague,
  CALL,
  createIdentityWorld,
  type IdentityWorld,
  PASSWORD,
  signIn,
  signUp,
} from "../support/identity-world.ts";

const USERS = "/api/v1/users";
const KEYS = "/api/v1/auth/api-keys";
const ABSENT_USER = `usr_${"0".repeat(32)}`;

let world: IdentityWorld;
let app: ReturnType<typeof createIdentityApp>;
let admin: Awaited<ReturnType<typeof signUp>>;
beforeEach(async () => {
  world = createIdentityWorld();
  app = createIdentityApp(world);
  admin = await signUp(world, "admin@example.com");
});

const call = (method: string, path: string, body?: unknown, token = admin.token) =>
  send(app, method, path, { body, ...bearer(token) });

describe("the people of a workspace", () => {
  test("are added, seen and logged in, with the role they were given", async () => {
    const draft = { email: "V@example.com", role: "viewer", name: "Vera", password: PASSWORD };
    const { status, body } = await call("POST", USERS, draft);
    expect(status).toBe(201);
    expect(body).toMatchObject({ email: "v@example.com", role: "viewer", name: "Vera", active: true });
    expect(JSON.stringify(body)).not.toContain("hash");
    const list = await call("GET", USERS);
    expect(list.body.users.map(({ email }: { email: string }) => email)).toEqual([
      "admin@example.com",
      "v@example.com",
    ]);
    expect((await signIn(world, "v@example.com")).principal.permissions).toEqual(["connections:read"]);
    expect(actionsOf(world)).toContain("user.created");
  });

  test.each([
    [{ email: "v@example.com" }],
    [{ email: "v@example.com", role: "owner" }],
    [{ email: "v@example.com", role: "api_service" }],
    [{ email: "v@example.com", role: "viewer", password: "short" }],
    [{ email: "v@example.com", role: "viewer", workspace_id: "wsp_1" }],
    [{ email: "v@example.com", role: "viewer", permissions: ["users:manage"] }],
  ])("%j is a bad request", async (body) => {
    expect((await call("POST", USERS, body)).status).toBe(400);
  });

  test("an email of any workspace is taken", async () => {
    await signUp(world, "other@example.com");
    expect((await call("POST", USERS, { email: "other@example.com", role: "viewer" })).status).toBe(409);
  });

  test("of another workspace, or none, are not there", async () => {
    const other = await signUp(world, "other@example.com");
    for (const id of [other.id, ABSENT_USER, "x", "%00"]) {
      expect((await call("PATCH", `${USERS}/${id}`, { role: "viewer" })).status).toBe(404);
      expect((await call("DELETE", `${USERS}/${id}`)).status).toBe(404);
    }
    expect((await call("GET", USERS)).body.users).toHaveLength(1);
  });

  test("lose their sessions with a new role or password, and keep them with a new name", async () => {
    const id = await addColleague(world, admin.principal, "viewer", "v@example.com");
    for (const change of [{ role: "operator" }, { password: "another long one" }]) {
      const { token } = await signIn(world, "v@example.com");
      expect((await call("PATCH", `${USERS}/${id}`, { name: "Vera" })).body.name).toBe("Vera");
      expect((await call("GET", "/api/auth/me", undefined, token)).status).toBe(200);
      expect((await call("PATCH", `${USERS}/${id}`, change)).status).toBe(200);
      expect((await call("GET", "/api/auth/me", undefined, token)).status).toBe(401);
    }
    expect((await signIn(world, "v@example.com", "another long one")).principal.role).toBe("operator");
  });

  test("keep their sessions when what is sent is what they are, which nobody is told as a change", async () => {
    const id = await addColleague(world, admin.principal, "viewer", "v@example.com");
    const { token } = await signIn(world, "v@example.com");
    const told = actionsOf(world).length;
    const same = { role: "viewer", name: null, active: true };
    expect((await call("PATCH", `${USERS}/${id}`, same)).body).toMatchObject(same);
    expect(actionsOf(world)).toHaveLength(told);
    expect((await call("PATCH", `${USERS}/${id}`, { ...same, name: "Vera" })).body.name).toBe("Vera");
    expect(world.deps.audit.entries.at(-1)).toMatchObject({ action: "user.updated", detail: { changed: ["name"] } });
    expect((await call("GET", "/api/auth/me", undefined, token)).status).toBe(200);
  });

  test("are deactivated and come back, without the sessions they had", async () => {
    const id = await addColleague(world, admin.principal, "viewer", "v@example.com");
    const { token } = await signIn(world, "v@example.com");
    expect((await call("DELETE", `${USERS}/${id}`)).status).toBe(204);
    expect((await call("DELETE", `${USERS}/${id}`)).status).toBe(204);
    const login = { email: "v@example.com", password: PASSWORD };
    expect((await send(app, "POST", "/api/auth/login", { body: login })).status).toBe(401);
    expect((await call("PATCH", `${USERS}/${id}`, { active: true })).body.active).toBe(true);
    expect((await call("GET", "/api/auth/me", undefined, token)).status).toBe(401);
    expect((await send(app, "POST", "/api/auth/login", { body: login })).status).toBe(200);
    expect((await call("PATCH", `${USERS}/${id}`, { active: false })).body.active).toBe(false);
    expect(actionsOf(world)).toContain("user.deactivated");
  });

  test("hand over their connections once they can no longer come in", async () => {
    const id = await addColleague(world, admin.principal, "viewer", "v@example.com");
    const released: unknown[] = [];
    const release = async (from: string, heir: string) => {
      expect(world.deps.userRows.get(id)?.isActive).toBe(false);
      return released.push([from, heir]);
    };
    await deactivateUser(world.deps, admin.principal, id, release, CALL);
    expect(released).toEqual([[id, admin.id]]);
  });

  test("are changed and deactivated in one step, or not at all", async () => {
    const id = await addColleague(world, admin.principal, "viewer", "v@example.com");
    const refused = { role: "operator", name: "Vera", active: false, password: "short" };
    expect((await call("PATCH", `${USERS}/${id}`, refused)).status).toBe(400);
    expect(world.deps.userRows.get(id)).toMatchObject({ role: "viewer", name: null, isActive: true });
    const { body } = await call("PATCH", `${USERS}/${id}`, { ...refused, password: undefined });
    expect(body).toMatchObject({ role: "operator", name: "Vera", active: false });
    expect(actionsOf(world).slice(-2)).toEqual(["user.updated", "user.deactivated"]);
  });

  test("that are the last admin keep their name, too, when they would be deactivated with a new one", async () => {
    const refused = await call("PATCH", `${USERS}/${admin.id}`, { name: "Gone", active: false });
    expect(refused).toMatchObject({ status: 409, body: { code: "conflict" } });
    expect(world.deps.userRows.get(admin.id)).toMatchObject({ name: null, isActive: true });
  });

  test("may leave by themselves while another admin stays, who takes what they shared", async () => {
    await addColleague(world, admin.principal, "operator", "operator@example.com");
    const heir = await addColleague(world, admin.principal, "admin", "second@example.com");
    await addColleague(world, admin.principal, "admin", "third@example.com");
    const released: unknown[] = [];
    const id = requireId("usr", admin.id);
    await deactivateUser(world.deps, admin.principal, id, async (...given) => released.push(given), CALL);
    expect(released).toEqual([[admin.id, heir]]);
    expect((await call("GET", USERS)).status).toBe(401);
  });

  test("the last admin cannot be demoted or deactivated", async () => {
    for (const change of [{ role: "viewer" }, { active: false }]) {
      expect(await call("PATCH", `${USERS}/${admin.id}`, change)).toMatchObject({
        status: 409,
        body: { code: "conflict" },
      });
    }
    expect((await call("DELETE", `${USERS}/${admin.id}`)).status).toBe(409);
    await addColleague(world, admin.principal, "admin", "second@example.com");
    expect((await call("PATCH", `${USERS}/${admin.id}`, { role: "operator" })).status).toBe(200);
    expect((await call("GET", USERS)).status).toBe(401);
  });

  test.each([
    [{ role: "root" }],
    [{ active: "yes" }],
    [{ email: "x@example.com" }],
    [{ password: "short" }],
    [{ id: ABSENT_USER }],
  ])("the change %j is a bad request", async (change) => {
    const id = await addColleague(world, admin.principal, "viewer", "v@example.com");
    expect((await call("PATCH", `${USERS}/${id}`, change)).status).toBe(400);
  });

  test("are managed by nobody but admins", async () => {
    for (const role of ["operator", "analyst", "viewer"] as const) {
      const id = await addColleague(world, admin.principal, role, `${role}@example.com`);
      const { token } = await signIn(world, `${role}@example.com`);
      expect((await call("GET", USERS, undefined, token)).status).toBe(403);
      expect((await call("POST", USERS, { email: "x@example.com", role: "admin" }, token)).status).toBe(403);
      expect((await call("PATCH", `${USERS}/${id}`, { role: "admin" }, token)).status).toBe(403);
      expect((await call("POST", KEYS, { service_name: "x" }, token)).status).toBe(403);
    }
  });
});
