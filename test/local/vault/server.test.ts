import { describe, expect, test } from "vitest";
import { openVault } from "./server-support.ts";

const DATA = "/v1/aurora/data/users/x";
const DENIED = { status: 403, body: { errors: ["permission denied"] } };
const SEALED = { status: 503, body: { errors: ["Vault is sealed"] } };

async function login(test: Awaited<ReturnType<typeof openVault>>) {
  const { roleId, secretId } = test.vault;
  const { body } = await test.call("POST", "/v1/auth/approle/login", { role_id: roleId, secret_id: secretId }, "");
  return body.auth;
}

describe("tokens", () => {
  test.each(["", "hvs.wrong"])("the token %j reads, writes and learns nothing", async (token) => {
    const { call } = await openVault();
    expect(await call("GET", DATA, undefined, token)).toEqual(DENIED);
    expect(await call("POST", DATA, { data: {} }, token)).toEqual(DENIED);
    expect(await call("GET", "/v1/elsewhere/data/x", undefined, token)).toEqual(DENIED);
    expect(await call("GET", "/v1/auth/token/lookup-self", undefined, token)).toEqual(DENIED);
  });

  test("a token may be sent as a bearer, and a namespace beside it", async () => {
    const { vault } = await openVault();
    const headers = { authorization: `Bearer ${vault.rootToken}`, "x-vault-namespace": "team" };
    expect((await fetch(`${vault.address}/v1/auth/token/lookup-self`, { headers })).status).toBe(200);
  });

  test("an AppRole logs in, looks itself up, renews and revokes itself", async () => {
    const opened = await openVault();
    const auth = await login(opened);
    expect(auth).toMatchObject({ renewable: true, lease_duration: 3600, policies: ["aurora", "default"] });
    const token = auth.client_token;
    expect((await opened.call("POST", DATA, { data: { n: 1 } }, token)).status).toBe(200);
    expect((await opened.call("GET", "/v1/auth/token/lookup-self", undefined, token)).body.data).toMatchObject({
      id: token,
      renewable: true,
      path: "auth/approle/login",
    });
    await opened.call("POST", "/_tokens", { ttl_seconds: 60 });
    const renewed = await opened.call("POST", "/v1/auth/token/renew-self", {}, token);
    expect(renewed.body.auth).toMatchObject({ client_token: token, lease_duration: 60 });
    expect((await opened.call("POST", "/v1/auth/token/revoke-self", undefined, token)).status).toBe(204);
    expect(await opened.call("GET", DATA, undefined, token)).toEqual(DENIED);
  });

  test("a wrong role or secret id is refused", async () => {
    const { vault, call } = await openVault();
    const refused = { status: 400, body: { errors: ["invalid role or secret ID"] } };
    for (const body of [{}, { role_id: vault.roleId }, { role_id: vault.roleId, secret_id: "x" }]) {
      expect(await call("POST", "/v1/auth/approle/login", body, "")).toEqual(refused);
    }
  });

  test("an AppRole token is no root token", async () => {
    const opened = await openVault();
    const { client_token: token } = await login(opened);
    for (const [method, path] of [
      ["PUT", "/v1/sys/seal"],
      ["GET", "/v1/sys/mounts"],
      ["POST", "/v1/sys/mounts/x"],
    ] as const) {
      expect((await opened.call(method, path, undefined, token)).status).toBe(403);
    }
    expect((await opened.call("GET", DATA, undefined, token)).status).toBe(404);
  });

  test("tokens expire when their time is up, and all at once on demand", async () => {
    const opened = await openVault();
    const first = await login(opened);
    await opened.call("POST", "/_expire");
    expect(await opened.call("GET", DATA, undefined, first.client_token)).toEqual(DENIED);
    expect(await opened.call("POST", "/v1/auth/token/renew-self", {}, first.client_token)).toEqual(DENIED);
    expect((await opened.call("GET", "/v1/auth/token/lookup-self")).status).toBe(200);
  });
});

describe("the seal", () => {
  test("a sealed server tells its health and nothing else, until the key unseals it", async () => {
    const { vault, call } = await openVault();
    expect((await call("GET", "/v1/sys/health", undefined, "")).status).toBe(200);
    expect((await call("PUT", "/v1/sys/seal")).status).toBe(204);
    expect(await call("GET", "/v1/sys/health")).toMatchObject({
      status: 503,
      body: { sealed: true, initialized: true },
    });
    expect((await call("GET", "/v1/sys/health?sealedcode=299")).status).toBe(299);
    expect((await call("GET", "/v1/sys/seal-status")).body).toMatchObject({ sealed: true, t: 1, n: 1 });
    expect(await call("GET", DATA)).toEqual(SEALED);
    expect(await call("POST", "/v1/auth/approle/login", {})).toEqual(SEALED);
    expect((await call("PUT", "/v1/sys/unseal", { key: "00" })).status).toBe(400);
    expect((await call("PUT", "/v1/sys/unseal", { key: vault.unsealKey })).body).toMatchObject({ sealed: false });
    expect((await call("GET", DATA)).status).toBe(404);
  });

  test("the controls seal and unseal as well", async () => {
    const { call } = await openVault();
    await call("POST", "/_seal");
    expect(await call("GET", DATA)).toEqual(SEALED);
    await call("POST", "/_unseal");
    expect((await call("GET", DATA)).status).toBe(404);
  });
});

describe("the controls", () => {
  test("calls are told by method, path and status, never with a query or body", async () => {
    const { call } = await openVault();
    await call("POST", DATA, { data: { value: "s3cret" } });
    await call("GET", `${DATA}?version=7`);
    expect((await call("GET", "/_calls")).body).toEqual({
      calls: [
        { method: "POST", path: DATA, status: 200 },
        { method: "GET", path: DATA, status: 404 },
      ],
    });
  });

  test("a reset takes back faults, seal and calls, and keeps the secrets", async () => {
    const { call } = await openVault();
    await call("POST", DATA, { data: { n: 1 } });
    await call("POST", "/_faults", { kind: "status", seconds: 60 });
    await call("POST", "/_seal");
    await call("POST", "/_reset");
    expect((await call("GET", "/_calls")).body).toEqual({ calls: [] });
    expect((await call("GET", DATA)).body.data.data).toEqual({ n: 1 });
  });

  test("a control that is not one, or says nothing sensible, is refused", async () => {
    const { call } = await openVault();
    expect((await call("POST", "/_faults", { kind: "explode" })).status).toBe(400);
    expect((await call("POST", "/_tokens", { ttl_seconds: -1 })).status).toBe(400);
    expect((await call("POST", "/_nothing")).status).toBe(404);
    expect((await call("GET", "/")).status).toBe(404);
  });
});

describe("faults", () => {
  test("one fault spoils one call", async () => {
    const { call } = await openVault();
    await call("POST", "/_faults", { kind: "status", status: 500 });
    expect((await call("GET", DATA)).status).toBe(500);
    expect((await call("GET", DATA)).status).toBe(404);
  });

  test("a connection reset after the commit leaves the write done", async () => {
    const { call } = await openVault();
    await call("POST", "/_faults", { kind: "reset_after_commit" });
    await expect(call("POST", DATA, { data: { n: 1 } })).rejects.toThrow();
    expect((await call("GET", DATA)).body.data.data).toEqual({ n: 1 });
    expect((await call("GET", "/_calls")).body.calls[0]).toEqual({ method: "POST", path: DATA, status: null });
  });

  test("logins and deletes can be spoiled apart from the rest", async () => {
    const opened = await openVault();
    await opened.call("POST", "/_faults", { kind: "status", endpoint: "token", seconds: 60 });
    await opened.call("POST", "/_faults", { kind: "status", endpoint: "revoke", seconds: 60 });
    expect((await opened.call("POST", DATA, { data: {} })).status).toBe(200);
    expect((await opened.call("POST", "/v1/auth/approle/login", {})).status).toBe(503);
    expect((await opened.call("DELETE", "/v1/aurora/metadata/users/x")).status).toBe(503);
    expect((await opened.call("GET", DATA)).status).toBe(200);
  });
});

describe("mounts", () => {
  test("the root token makes, lists and removes them", async () => {
    const { call } = await openVault({ mounts: ["aurora", "second"] });
    expect((await call("POST", "/v1/sys/mounts/third", { type: "kv", options: { version: "2" } })).status).toBe(204);
    expect((await call("POST", "/v1/sys/mounts/third", {})).status).toBe(400);
    expect(Object.keys((await call("GET", "/v1/sys/mounts")).body.data)).toEqual(["aurora/", "second/", "third/"]);
    await call("POST", "/v1/third/data/x", { data: {} });
    await call("DELETE", "/v1/sys/mounts/third");
    expect((await call("GET", "/v1/third/data/x")).body.errors).toHaveLength(1);
  });
});
