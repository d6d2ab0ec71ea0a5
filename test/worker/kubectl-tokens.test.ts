import { beforeAll, describe, expect, test } from "vitest";
import {
  bearer,
  connectGrafana,
  cookie,
  newColleague,
  newKey,
  newPerson,
  type Person,
  readAudit,
  requireStatus,
  send,
} from "../support/worker-client.ts";

const PATH = "/api/kubectl/tokens";
const make = async (person: Pick<Person, "call">, more: object = {}) =>
  requireStatus(await person.call("POST", PATH, { cluster_name: "staging", ...more }), 201).body;
const me = (token: string, headers: Record<string, string> = {}) =>
  send("GET", "/api/auth/me", { headers: { ...bearer(token), ...headers } });

let admin: Person;
beforeAll(async () => {
  admin = await newPerson();
});

describe("a cluster agent's token", () => {
  test("is shown once, and listed without it", async () => {
    const made = await make(admin, { notes: "for the\nagent", expires_days: 30 });
    expect(made).toMatchObject({ cluster_name: "staging", notes: "for the\nagent" });
    expect(made.id).toMatch(/^kct_[0-9a-f]{32}$/);
    expect(made.token).toMatch(/^aurora_kubectl_[A-Za-z0-9_-]{43}$/);
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(30 * 86_400_000);
    const { body, text } = requireStatus(await admin.call("GET", `${PATH}?limit=200`), 200);
    const { token, ...shown } = made;
    expect(body.tokens).toContainEqual({ ...shown, created_by: admin.id, last_used_at: null });
    expect(text).not.toContain(token);
  });

  test("is a principal of its own, which reads and does nothing else", async () => {
    const { id, token, expires_at } = await make(admin);
    expect(expires_at).toBeNull();
    expect((await me(token)).body).toEqual({
      ...{ id, email: null, name: "staging", role: "api_service", workspace_id: admin.workspaceId },
      permissions: ["connections:read", "tokens:read"],
    });
    for (const [method, path] of [
      ["POST", "/api/v1/providers/grafana/connect"],
      ["POST", PATH],
      ["GET", PATH],
      ["GET", "/api/v1/users"],
      ["GET", "/api/v1/audit"],
      ["POST", "/api/v1/auth/api-keys"],
      ["POST", "/api/auth/logout"],
      ["POST", "/api/auth/change-password"],
    ] as const) {
      const reply = await send(method, path, { headers: bearer(token), ...(method === "POST" && { body: {} }) });
      expect([path, reply.status]).toEqual([path, expect.toBeOneOf([403, 400])]);
      expect(reply.status === 400 ? path : "").toBeOneOf(["", "/api/auth/change-password"]);
    }
  });

  test("reads the workspace's shared connections, and nobody's private ones", async () => {
    const shared = (await connectGrafana(admin, { shared: true, account: "shared" })).body.id;
    const own = (await connectGrafana(admin, { account: "private" })).body.id;
    const stranger = await newPerson();
    const foreign = (await connectGrafana(stranger, { shared: true })).body.id;
    const { token } = await make(admin);
    const get = (path: string) => send("GET", path, { headers: bearer(token) });
    const listed = (await get("/api/v1/connections")).body.connections.map(({ id }: { id: string }) => id);
    expect(listed).toEqual([shared]);
    expect((await get(`/api/v1/connections/${shared}/token`)).body.token_data).toHaveProperty("service_account_token");
    for (const id of [own, foreign]) {
      expect((await get(`/api/v1/connections/${id}/token`)).status).toBe(404);
      expect((await get(`/api/v1/connections/${id}`)).status).toBe(404);
    }
    expect((await get("/api/v1/tokens?provider=grafana")).body.connection_id).toBe(shared);
    expect((await send("DELETE", `/api/v1/connections/${shared}`, { headers: bearer(token) })).status).toBe(403);
    const reads = await readAudit(admin, "token.read");
    expect(reads.map(({ actor }) => actor)).toContainEqual({
      type: "kubectl_token",
      id: expect.stringMatching(/^kct_/),
    });
  });

  test("is refused at once after it was revoked, and cannot be revoked twice", async () => {
    const { id, token } = await make(admin);
    expect((await me(token)).status).toBe(200);
    expect((await admin.call("DELETE", `${PATH}/${id}`)).status).toBe(204);
    expect(await me(token)).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
    expect((await admin.call("DELETE", `${PATH}/${id}`)).status).toBe(404);
    const [made, ended] = await Promise.all(
      ["created", "revoked"].map((what) => readAudit(admin, `kubectl_token.${what}`)),
    );
    const resource = { type: "kubectl_token", id };
    expect([made, ended]).toEqual([
      expect.arrayContaining([expect.objectContaining({ resource })]),
      expect.arrayContaining([expect.objectContaining({ resource })]),
    ]);
    expect(JSON.stringify([made, ended])).not.toContain(token);
  });

  test("is a bearer token only, and no other credential stands beside it", async () => {
    const { id, token } = await make(admin);
    const key = await newKey(admin);
    const refused = async (headers: Record<string, string>) => (await send("GET", "/api/auth/me", { headers })).status;
    expect(await refused({ "x-api-key": token })).toBe(401);
    expect(await refused(cookie(token))).toBe(401);
    expect(await refused({ ...bearer(token), ...cookie(token) })).toBe(401);
    expect(await refused({ ...bearer(token), "x-api-key": key.secret })).toBe(400);
    expect(await refused({ ...bearer(token), ...cookie(admin.token) })).toBe(400);
    expect(await refused({ ...bearer(token), ...cookie("nonsense") })).toBe(401);
    expect(await refused({ ...bearer(token), "x-user-id": admin.id })).toBe(403);
    expect(await refused({ ...bearer(token), "x-user-id": id })).toBe(200);
    expect(await refused(bearer(key.secret))).toBe(401);
  });

  test.each([
    "aurora_kubectl_",
    `aurora_kubectl_${"A".repeat(43)}`,
    `aurora_kubectl_${"A".repeat(44)}`,
    `aurora_kubectl_${"A".repeat(42)}!`,
    "aurora_kubectl_1",
  ])("%j is none", async (token) => {
    expect(await me(token)).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
  });

  test("is not changed by a letter", async () => {
    const { token } = await make(admin);
    const last = token.at(-1) === "A" ? "B" : "A";
    expect((await me(`${token.slice(0, -1)}${last}`)).status).toBe(401);
    expect((await me(token.toUpperCase())).status).toBe(401);
  });
});

describe("tokens of cluster agents", () => {
  test.each<[string, object]>([
    ["no cluster", {}],
    ["an empty cluster", { cluster_name: "" }],
    ["a blank cluster", { cluster_name: "  " }],
    ["a cluster with a line end", { cluster_name: "a\nb" }],
    ["no days", { cluster_name: "a", expires_days: 0 }],
    ["too many days", { cluster_name: "a", expires_days: 366 }],
    ["half a day", { cluster_name: "a", expires_days: 0.5 }],
    ["days as text", { cluster_name: "a", expires_days: "30" }],
    ["notes with a null character", { cluster_name: "a", notes: "\u0000" }],
    ["notes that are long", { cluster_name: "a", notes: "x".repeat(1001) }],
    ["permissions", { cluster_name: "a", permissions: ["users:manage"] }],
  ])("are not made with %s", async (_, body) => {
    expect(await admin.call("POST", PATH, body)).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  });

  test("are made by operators, not by analysts, nor by a key that may do less than the token", async () => {
    await make(await newColleague(admin, "operator"));
    await make(await newKey(admin, ["connections:read", "connections:write", "tokens:read"]));
    for (const role of ["analyst", "viewer"]) {
      expect((await (await newColleague(admin, role)).call("POST", PATH, { cluster_name: "a" })).status).toBe(403);
    }
    const writer = await newKey(admin, ["connections:write"]);
    expect(await writer.call("POST", PATH, { cluster_name: "a" })).toMatchObject({
      status: 403,
      body: { code: "forbidden" },
    });
  });

  test("of another workspace are neither listed nor revoked", async () => {
    const stranger = await newPerson();
    const { id, token } = await make(admin);
    expect((await stranger.call("GET", PATH)).body).toEqual({ tokens: [], next: null });
    for (const wrong of [id, `kct_${"0".repeat(32)}`, "nonsense", admin.id]) {
      expect((await stranger.call("DELETE", `${PATH}/${wrong}`)).status).toBe(404);
    }
    expect((await me(token)).status).toBe(200);
  });

  test("are listed in pages", async () => {
    const person = await newPerson();
    const ids = [];
    for (let count = 0; count < 3; count += 1) ids.push((await make(person)).id);
    const first = (await person.call("GET", `${PATH}?limit=2`)).body;
    expect(first.tokens.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 2));
    const second = (await person.call("GET", `${PATH}?limit=2&after=${first.next}`)).body;
    expect([second.tokens.map(({ id }: { id: string }) => id), second.next]).toEqual([ids.slice(2), null]);
    expect((await person.call("GET", `${PATH}?after=key_1`)).status).toBe(400);
    expect((await person.call("GET", `${PATH}?limit=0`)).status).toBe(400);
  });
});
