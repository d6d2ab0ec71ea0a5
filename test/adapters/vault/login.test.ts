import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type RunningVault, startVault } from "../../../local/vault/server.ts";
import { createSecretStore } from "../../../src/adapters/vault/kv-v2.ts";
import { loginWithAppRole, lookupSelf, renewSelf } from "../../../src/adapters/vault/login.ts";
import { createVaultSession } from "../../../src/adapters/vault/session.ts";
import { createVaultHttp } from "../../../src/adapters/vault/vault-http.ts";
import { toOutcome } from "../../../src/domain/outcome.ts";
import type { VaultSessionObject } from "../../../src/domain/ports/secret-store.ts";
import { createSecret } from "../../../src/domain/secret.ts";
import { epochSeconds } from "../../../src/domain/time.ts";
import { createVaultSessionState, readVaultToken, replaceRefusedToken } from "../../../src/services/vault-session.ts";
import { callVault, connectTo, connectToAnswers, json } from "./vault-support.ts";

let vault: RunningVault;

beforeAll(async () => {
  vault = await startVault({ port: 0, dataDir: null });
});
beforeEach(() => callVault(vault.address, "", "POST", "/_reset"));
afterAll(() => vault.stop());

const role = () => ({ ...connectTo(vault.address), roleId: vault.roleId, secretId: createSecret(vault.secretId) });

/** The session object as the Durable Object is wired, without the platform around it. */
function createSessionObject(): VaultSessionObject {
  const connection = connectTo(vault.address);
  const state = createVaultSessionState();
  const deps = {
    login: () => loginWithAppRole(role()),
    renew: (token: string) => renewSelf(connection, token),
    isKnown: async (token: string) => (await lookupSelf(connection, token)) !== null,
    now: () => epochSeconds(Date.now() / 1000),
  };
  return {
    token: () => toOutcome(() => readVaultToken(state, deps)),
    refused: (token) => toOutcome(() => replaceRefusedToken(state, deps, token)),
  };
}

async function countLogins(): Promise<number> {
  const { body } = await callVault(vault.address, "", "GET", "/_calls");
  return body.calls.filter(({ path }: { path: string }) => path === "/v1/auth/approle/login").length;
}

test("a login answers a token, its life and whether it can be renewed", async () => {
  await callVault(vault.address, "", "POST", "/_tokens", { ttl_seconds: 90 });
  const issued = await loginWithAppRole(role());
  expect(issued).toEqual({ token: expect.stringMatching(/^hvs\./), ttlSeconds: 90, renewable: true });
  expect(await lookupSelf(connectTo(vault.address), issued.token)).toMatchObject({ renewable: true });
});

test("a login with a wrong secret id is refused without telling it", async () => {
  const error = await loginWithAppRole({ ...role(), secretId: createSecret("wr0ng-secret") }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: "vault_unavailable", message: /AppRole/ });
  expect(String(error)).not.toMatch(/wr0ng/);
});

test("a login tries again when the store has a moment of weakness", async () => {
  await callVault(vault.address, "", "POST", "/_faults", { kind: "status", endpoint: "token", times: 2 });
  expect((await loginWithAppRole(role())).token).toMatch(/^hvs\./);
});

test("a login that answers no token is a failure", async () => {
  const { connection } = connectToAnswers(json(200, { auth: { lease_duration: 5 } }));
  const login = loginWithAppRole({ ...connection, roleId: "r", secretId: createSecret("s") });
  await expect(login).rejects.toMatchObject({ code: "vault_unavailable" });
});

test("a renewal begins the token's life anew", async () => {
  const { token } = await loginWithAppRole(role());
  await callVault(vault.address, "", "POST", "/_tokens", { ttl_seconds: 7200 });
  expect(await renewSelf(connectTo(vault.address), token)).toEqual({ token, ttlSeconds: 7200, renewable: true });
});

test("a token the store forgot is neither renewed nor known", async () => {
  const { token } = await loginWithAppRole(role());
  await callVault(vault.address, "", "POST", "/_expire");
  expect(await renewSelf(connectTo(vault.address), token)).toBeNull();
  expect(await lookupSelf(connectTo(vault.address), token)).toBeNull();
});

test("a root token does not expire and is not renewed", async () => {
  expect(await lookupSelf(connectTo(vault.address), vault.rootToken)).toEqual({ ttlSeconds: 0, renewable: false });
  expect(await renewSelf(connectTo(vault.address), vault.rootToken)).toBeNull();
});

test("fifty calls at the moment every token expires cause one login", async () => {
  const object = createSessionObject();
  // Four isolates, each with a session of its own, before one object.
  const stores = Array.from({ length: 4 }, () => {
    const session = createVaultSession(object, Date.now);
    return createSecretStore(createVaultHttp({ ...connectTo(vault.address), session }));
  });
  const place = { mount: "aurora", path: "users/expiry" };
  await Promise.all(stores.map((store) => store.read(place)));
  expect(await countLogins()).toBe(1);

  await callVault(vault.address, "", "POST", "/_expire");
  const reads = Array.from({ length: 50 }, (_, n) => stores[n % stores.length]?.read(place));
  expect(await Promise.all(reads)).toEqual(reads.map(() => null));
  expect(await countLogins()).toBe(2);
});
