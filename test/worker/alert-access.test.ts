import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import type { AuditLogObject } from "../../src/domain/audit-chain.ts";
import {
  bearer,
  cookie,
  type Key,
  logIn,
  newColleague,
  newKey,
  newPerson,
  ORIGIN,
  PASSWORD,
  type Person,
  requireStatus,
  send,
} from "../support/worker-client.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";
import { openSocket, upgrade } from "../support/worker-socket.ts";

const bindings = env as unknown as Bindings;
const PATH = "/api/v1/ws/alerts";

function logOf(person: Person): DurableObjectStub & AuditLogObject {
  return bindings.AUDIT_LOG.get(bindings.AUDIT_LOG.idFromName(person.workspaceId)) as never;
}

async function newTicket(caller: Pick<Person, "call">): Promise<string> {
  const { body } = requireStatus(await caller.call("POST", "/api/v1/ws/ticket"), 200);
  expect(body).toEqual({ ticket: expect.stringMatching(/^wst_[0-9a-f]{32}_[\w-]{43}$/), expires_in: 30 });
  return body.ticket;
}

describe("a socket is opened", () => {
  let person: Person;
  let key: Key;
  beforeAll(async () => {
    person = await newPerson();
    key = await newKey(person, ["audit:read"]);
  });

  const opened = async (query: string, headers: Record<string, string>) => {
    const answer = await upgrade(`${PATH}${query}`, headers);
    answer.webSocket?.accept();
    answer.webSocket?.close();
    return answer;
  };

  test("by bearer token, by key, by cookie on our own pages, by ?token= without a page", async () => {
    expect((await opened("", bearer(person.token))).status).toBe(101);
    expect((await opened("", { ...bearer(person.token), origin: "https://evil.example" })).status).toBe(101);
    expect((await opened("", { "x-api-key": key.secret })).status).toBe(101);
    expect((await opened("", cookie(person.token))).status).toBe(101);
    expect((await opened(`?token=${person.token}`, {})).status).toBe(101);
  });

  test("with our headers, and nothing of the credential", async () => {
    const { headers } = await opened(`?token=${person.token}`, {});
    expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(JSON.stringify([...headers])).not.toContain(person.token);
  });

  test("by a ticket, from any page, whatever cookie the browser adds", async () => {
    const ticket = await newTicket(person);
    const headers = { cookie: `access_token=${person.token}`, origin: "https://evil.example" };
    expect((await opened(`?ticket=${ticket}`, headers)).status).toBe(101);
  });

  test.each<[string, string, (person: Person) => Record<string, string>, number]>([
    ["without a credential", "", () => ({}), 401],
    ["by a made-up ticket", `?ticket=wst_${"0".repeat(32)}_${"A".repeat(43)}`, () => ({}), 401],
    ["by an empty ticket", "?ticket=", () => ({}), 401],
    ["by an empty token", "?token=", () => ({}), 401],
    ["by a key in the address", "?token=aurora_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", () => ({}), 401],
    ["by cookie from another page", "", (p) => ({ ...cookie(p.token), origin: "https://evil.example" }), 403],
    ["by cookie from nowhere", "", (p) => ({ ...cookie(p.token), origin: "null" }), 403],
    ["by cookie without a page", "", (p) => ({ cookie: `access_token=${p.token}` }), 403],
    [
      "by cookie from another page beside a bearer token",
      "",
      (p) => ({ ...bearer(p.token), ...cookie(p.token), origin: "https://evil.example" }),
      403,
    ],
    ["by two cookies", "", (p) => cookie(p.token, p.token), 400],
    ["after no number", "?after=x", (p) => bearer(p.token), 400],
    ["after a negative number", "?after=-1", (p) => bearer(p.token), 400],
    ["after half a number", "?after=1.5", (p) => bearer(p.token), 400],
    ["on an unknown chain", "?chain=other", (p) => bearer(p.token), 400],
    ["on the operator's chain", "?chain=unauthenticated", (p) => bearer(p.token), 403],
  ])("not %s", async (_, query, headers, status) => {
    const answer = await upgrade(`${PATH}${query}`, headers(person));
    expect(answer.status).toBe(status);
    expect(answer.webSocket).toBeNull();
  });

  test("not by ?token= from any page, our own included", async () => {
    for (const origin of [ORIGIN, "https://evil.example", "null"]) {
      const answer = await upgrade(`${PATH}?token=${person.token}`, { origin });
      expect([origin, answer.status]).toEqual([origin, 403]);
      expect(await answer.text()).not.toContain(person.token);
    }
  });

  test("not by two credentials, and such a ticket is not spent", async () => {
    const ticket = await newTicket(person);
    const queries = [`?ticket=${ticket}&ticket=${ticket}`, `?ticket=${ticket}&token=${person.token}`];
    for (const query of queries) expect((await upgrade(`${PATH}${query}`)).status).toBe(400);
    for (const headers of [bearer(person.token), { "x-api-key": key.secret }, { "x-user-id": person.id }]) {
      expect((await upgrade(`${PATH}?ticket=${ticket}`, headers)).status).toBe(400);
    }
    expect((await opened(`?ticket=${ticket}`, {})).status).toBe(101);
  });

  test("not as anything but a WebSocket", async () => {
    expect(await send("GET", PATH, { headers: bearer(person.token) })).toMatchObject({
      status: 400,
      body: { code: "invalid_request" },
    });
    expect((await upgrade(PATH, { ...bearer(person.token), upgrade: "h2c" })).status).toBe(400);
  });

  test("not without the permission: by a viewer, a key, an agent, nor a ticket for one", async () => {
    const viewer = await newColleague(person, "viewer");
    const weak = await newKey(person, ["connections:read"]);
    const agent = await person.call("POST", "/api/kubectl/tokens", { cluster_name: "c" });
    for (const headers of [bearer(viewer.token), { "x-api-key": weak.secret }, bearer(agent.body.token)]) {
      expect((await upgrade(PATH, headers)).status).toBe(403);
      expect((await send("POST", "/api/v1/ws/ticket", { headers })).status).toBe(403);
    }
    expect((await upgrade(`${PATH}?token=${agent.body.token}`)).status).toBe(403);
  });
});

describe("a ticket", () => {
  test("is good once", async () => {
    const ticket = await newTicket(await newPerson());
    expect((await upgrade(`${PATH}?ticket=${ticket}`)).status).toBe(101);
    expect((await upgrade(`${PATH}?ticket=${ticket}`)).status).toBe(401);
  });

  test("is good for one of two who come at the same time", async () => {
    const ticket = await newTicket(await newPerson());
    const answers = await Promise.all([1, 2, 3].map(() => upgrade(`${PATH}?ticket=${ticket}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([101, 401, 401]);
  });

  test("is good for thirty seconds, and gone from the disk after", async () => {
    const person = await newPerson();
    const [late, unused] = [await newTicket(person), await newTicket(person)];
    await runInDurableObject(logOf(person), (_, { storage }) => {
      const rows = storage.sql
        .exec<{ hash: string; principal: string }>("select hash, principal from tickets")
        .toArray();
      expect(JSON.stringify(rows)).not.toMatch(new RegExp([late, unused, person.email].join("|")));
      storage.sql.exec("update tickets set expires_ms = expires_ms - 30000");
    });
    expect((await upgrade(`${PATH}?ticket=${late}`)).status).toBe(401);
    await runDurableObjectAlarm(logOf(person));
    await runInDurableObject(logOf(person), (_, { storage }) => {
      expect(storage.sql.exec("select hash from tickets").toArray()).toEqual([]);
    });
  });

  test("outlives the object's sleep", async () => {
    const person = await newPerson();
    const ticket = await newTicket(person);
    await evictDurableObject(logOf(person));
    expect((await upgrade(`${PATH}?ticket=${ticket}`)).status).toBe(101);
  });

  test("is worth nothing once the credential that made it is revoked", async () => {
    const person = await newPerson();
    const key = await newKey(person, ["audit:read"]);
    const ticket = await newTicket(key);
    await person.call("DELETE", `/api/v1/auth/api-keys/${key.id}`);
    expect((await upgrade(`${PATH}?ticket=${ticket}`)).status).toBe(401);
  });

  test("opens the events of its own workspace, whatever workspace it names", async () => {
    const [one, other] = [await newPerson(), await newPerson()];
    const ticket = await newTicket(one);
    const forged = ticket.replace(/^wst_[0-9a-f]{32}/, `wst_${other.workspaceId.slice(4)}`);
    expect((await upgrade(`${PATH}?ticket=${forged}`)).status).toBe(401);
    const socket = await openSocket(`?ticket=${ticket}&after=0`, {});
    await vi.waitFor(() => expect(socket.frames.length).toBeGreaterThan(0));
    expect(JSON.stringify(socket.frames)).not.toContain(other.id);
  });
});

/** Closed with 1008 within the five seconds that are promised. */
async function expectClosed(socket: Awaited<ReturnType<typeof openSocket>>): Promise<string> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("is still open")), 5000));
  const { code, reason } = await Promise.race([socket.closed, late]);
  expect(code).toBe(1008);
  return reason;
}

async function isOpen(socket: Awaited<ReturnType<typeof openSocket>>): Promise<boolean> {
  const before = socket.frames.length;
  socket.send({ type: "ping" });
  await vi.waitFor(() => expect(socket.frames.slice(before)).toContainEqual({ type: "pong" }));
  return true;
}

describe("a socket is closed", () => {
  test("by a logout, and the person's other sockets are not", async () => {
    const person = await newPerson();
    const other = await openSocket("", bearer((await logIn(person.email)).token));
    const sockets = [await openSocket("", bearer(person.token)), await openSocket("", cookie(person.token))];
    requireStatus(await person.call("POST", "/api/auth/logout"), 204);
    for (const socket of sockets) await expectClosed(socket);
    expect(await isOpen(other)).toBe(true);
  });

  test("by a change of password, but for the session that changed it", async () => {
    const person = await newPerson();
    const [own, other] = [
      await openSocket("", bearer(person.token)),
      await openSocket("", bearer((await logIn(person.email)).token)),
    ];
    const body = { currentPassword: PASSWORD, newPassword: `${PASSWORD} 2` };
    requireStatus(await person.call("POST", "/api/auth/change-password", body), 200);
    await expectClosed(other);
    expect(await isOpen(own)).toBe(true);
  });

  test.each<[string, string, object | undefined]>([
    ["a new role", "PATCH", { role: "viewer" }],
    ["a deactivation", "DELETE", undefined],
  ])("by %s of the person, and of whom a key acts for", async (_, method, body) => {
    const admin = await newPerson();
    const colleague = await newColleague(admin, "analyst");
    const key = await newKey(admin, ["audit:read", "users:impersonate"]);
    const acting = { "x-api-key": key.secret, "x-user-id": colleague.id };
    const sockets = [await openSocket("", bearer(colleague.token)), await openSocket("", acting)];
    const alone = await openSocket("", { "x-api-key": key.secret });
    expect((await admin.call(method, `/api/v1/users/${colleague.id}`, body)).status).toBeLessThan(300);
    for (const socket of sockets) await expectClosed(socket);
    expect(await isOpen(alone)).toBe(true);
  });

  test("by the revocation of its key, of the key behind it, and of the key that made its ticket", async () => {
    const admin = await newPerson();
    const key = await newKey(admin, ["audit:read", "users:impersonate"]);
    const sockets = [
      await openSocket("", { "x-api-key": key.secret }),
      await openSocket("", { "x-api-key": key.secret, "x-user-id": admin.id }),
      await openSocket(`?ticket=${await newTicket(key)}`, {}),
    ];
    const bystander = await openSocket("", bearer(admin.token));
    await evictDurableObject(logOf(admin));
    requireStatus(await admin.call("DELETE", `/api/v1/auth/api-keys/${key.id}`), 204);
    for (const socket of sockets) await expectClosed(socket);
    expect(await isOpen(bystander)).toBe(true);
  });

  test("when the grace of a rotated key ends", async () => {
    const admin = await newPerson();
    const key = await newKey(admin, ["audit:read"]);
    const socket = await openSocket("", { "x-api-key": key.secret });
    const rotated = await admin.call("POST", `/api/v1/auth/api-keys/${key.id}/rotate`, { grace_seconds: 2 });
    requireStatus(rotated, 201);
    expect(await isOpen(socket)).toBe(true);
    expect(await expectClosed(socket)).toMatch(/expired|revoked/);
  });

  test("within a minute when its session was ended behind our back", async () => {
    const person = await newPerson();
    const socket = await openSocket("", bearer(person.token));
    await queryAsOwner("update sessions set ended_at = now() where user_id = $1", [person.id]);
    await runInDurableObject(logOf(person), (_, ctx) => {
      for (const ws of ctx.getWebSockets()) {
        ws.serializeAttachment({ ...ws.deserializeAttachment(), provenAtMs: Date.now() - 60_000 });
      }
    });
    await evictDurableObject(logOf(person));
    await runDurableObjectAlarm(logOf(person));
    await expectClosed(socket);
  });

  test("unproven, when its credential changed and the database is away", async () => {
    const person = await newPerson();
    const socket = await openSocket("", bearer(person.token));
    const other = await openSocket("", { "x-api-key": (await newKey(person, ["audit:read"])).secret });
    const outage = vi.spyOn(globalThis, "fetch").mockImplementation(() => new Promise(() => undefined));
    const resource = { type: "user", id: person.id } as const;
    const entry = { outcome: "success", actor: resource, resource, ip: null, requestId: null, detail: {} } as const;
    await logOf(person).append(person.workspaceId, [{ ...entry, action: "user.updated" }]);
    await expectClosed(socket);
    outage.mockRestore();
    expect(await isOpen(other)).toBe(true);
  });
});
