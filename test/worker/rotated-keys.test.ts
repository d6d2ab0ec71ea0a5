import { beforeAll, describe, expect, test } from "vitest";
import {
  connectGrafana,
  type Key,
  newKey,
  newPerson,
  type Person,
  type Reply,
  readAudit,
  requireStatus,
  send,
} from "../support/worker-client.ts";

const KEYS = "/api/v1/auth/api-keys";
const statusOf = async (reply: Promise<Reply>) => (await reply).status;

describe("a key that is rotated", () => {
  let admin: Person;
  let old: Key;
  let fresh: Key;
  let own: string;
  let shared: string;

  beforeAll(async () => {
    admin = await newPerson();
    old = await newKey(admin, ["connections:read", "connections:write", "tokens:read"]);
    own = (await connectGrafana(old, { account: "own" })).body.id;
    shared = (await connectGrafana(old, { account: "shared", shared: true })).body.id;
    const rotated = await admin.call("POST", `${KEYS}/${old.id}/rotate`, { grace_seconds: 3600 });
    const { id, api_key, principal_id } = requireStatus(rotated, 201).body;
    expect([id === old.id, principal_id]).toEqual([false, old.id]);
    const call: Key["call"] = (method, path, body) => send(method, path, { body, headers: { "x-api-key": api_key } });
    fresh = { id, secret: api_key, call };
  });

  const readOwn = (key: Pick<Person, "call">) => statusOf(key.call("GET", `/api/v1/connections/${own}/token`));

  test("is the same principal by both keys, during the grace", async () => {
    for (const key of [old, fresh]) {
      expect((await key.call("GET", "/api/auth/me")).body).toMatchObject({ id: old.id, role: "api_service" });
      expect(await readOwn(key)).toBe(200);
      const { connections } = (await key.call("GET", "/api/v1/connections")).body;
      expect(connections.map((each: { owner_id: string }) => each.owner_id)).toEqual([old.id, old.id]);
    }
    const { connections } = (await admin.call("GET", "/api/v1/connections")).body;
    expect(connections.map(({ id }: { id: string }) => id)).toEqual([shared]);
  });

  test("keeps what it connected when the old key is revoked", async () => {
    requireStatus(await admin.call("DELETE", `${KEYS}/${old.id}`), 204);
    expect([await readOwn(old), await readOwn(fresh)]).toEqual([401, 200]);
    expect((await fresh.call("PATCH", `/api/v1/connections/${own}`, { label: "mine" })).body).toMatchObject({
      label: "mine",
    });
  });

  test("leaves nothing behind that nobody can reach when its last key is revoked", async () => {
    requireStatus(await admin.call("DELETE", `${KEYS}/${fresh.id}`), 204);
    expect(await readOwn(fresh)).toBe(401);
    expect((await admin.call("GET", `/api/v1/connections/${shared}`)).body).toMatchObject({ owner_id: admin.id });
    expect(await readAudit(admin, "connection.disconnected")).toMatchObject([
      { outcome: "success", resource: { id: own } },
    ]);
    expect(await statusOf(admin.call("DELETE", `${KEYS}/${fresh.id}`))).toBe(404);
  });
});
