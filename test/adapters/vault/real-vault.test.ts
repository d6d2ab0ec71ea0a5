import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSecretStore } from "../../../src/adapters/vault/kv-v2.ts";
import { loginWithAppRole, lookupSelf, renewSelf } from "../../../src/adapters/vault/login.ts";
import { createStaticSession } from "../../../src/adapters/vault/session.ts";
import { createVaultHttp } from "../../../src/adapters/vault/vault-http.ts";
import type { SecretStore } from "../../../src/domain/ports/secret-store.ts";
import { createSecret, type Secret } from "../../../src/domain/secret.ts";
import { describeSecretStore } from "./secret-store-contract.ts";
import { callVault, connectTo, deleteNewest } from "./vault-support.ts";

/** `VAULT_TOKEN` must be allowed to make mounts and, for the AppRole part, auth methods: a development root token is. */
const { VAULT_ADDR: address = "", VAULT_TOKEN: token = "", VAULT_NAMESPACE: namespace } = process.env;
const isConfigured = address !== "" && token !== "";
if (!isConfigured) console.log("skipped: a real Vault (set VAULT_ADDR and VAULT_TOKEN)");

const mount = `aurora-test-${randomBytes(4).toString("hex")}`;
const connection = connectTo(address, { namespace: namespace ?? null });
const call = (method: string, path: string, body?: unknown) => callVault(address, token, method, path, body);

describe.runIf(isConfigured)("a real Vault", () => {
  let store: SecretStore;

  beforeAll(async () => {
    const { status, text } = await call("POST", `/v1/sys/mounts/${mount}`, { type: "kv", options: { version: "2" } });
    if (status >= 300) throw new Error(`Vault did not make the mount ${mount}: ${text}`);
    store = createSecretStore(createVaultHttp({ ...connection, session: createStaticSession(createSecret(token)) }));
    await waitUntilUpgraded(store);
  });

  afterAll(() => call("DELETE", `/v1/sys/mounts/${mount}`));

  describeSecretStore("the Vault client before a real Vault", () => ({
    store,
    mount,
    deleteNewest: (place) => deleteNewest(address, token, place),
  }));

  test("a mount that does not exist is a failure, never an empty secret", async () => {
    const read = store.read({ mount: `${mount}-not-there`, path: "users/x" });
    await expect(read).rejects.toMatchObject({ code: "vault_unavailable" });
  });

  test("a wrong token is refused", async () => {
    const stranger = createVaultHttp({ ...connection, session: createStaticSession(createSecret("hvs.wrong")) });
    await expect(createSecretStore(stranger).check()).rejects.toMatchObject({ message: /refused our token/ });
  });

  test("an AppRole logs in, is looked up, renews itself and is gone when revoked", async ({ skip }) => {
    const role = await createAppRole();
    if (!role) return skip("this token may not make an AppRole");
    try {
      const issued = await loginWithAppRole({ ...connection, ...role });
      expect(issued).toMatchObject({ ttlSeconds: 60, renewable: true });
      expect(await lookupSelf(connection, issued.token)).toMatchObject({ renewable: true });
      expect(await renewSelf(connection, issued.token)).toMatchObject({ token: issued.token, renewable: true });
      await callVault(address, issued.token, "POST", "/v1/auth/token/revoke-self");
      expect(await renewSelf(connection, issued.token)).toBeNull();
      expect(await lookupSelf(connection, issued.token)).toBeNull();
      const wrong = loginWithAppRole({ ...connection, ...role, secretId: createSecret("wrong") });
      await expect(wrong).rejects.toMatchObject({ message: /AppRole/ });
    } finally {
      await call("DELETE", `/v1/auth/approle/role/${mount}`);
      if (role.isOurs) await call("DELETE", "/v1/sys/auth/approle");
    }
  });
});

/** A mount upgrades itself to version 2 after it was made, and answers 400 until it has. */
async function waitUntilUpgraded(store: SecretStore): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await store.read({ mount, path: "users/ready" });
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await connection.sleep(250);
    }
  }
}

/** Null when the token may not. `isOurs` says that the auth method was not there before. */
async function createAppRole(): Promise<{ roleId: string; secretId: Secret<string>; isOurs: boolean } | null> {
  const enabled = await call("POST", "/v1/sys/auth/approle", { type: "approle" });
  const path = `/v1/auth/approle/role/${mount}`;
  const made = await call("POST", path, { token_ttl: "60s", token_max_ttl: "10m", token_policies: ["default"] });
  if (made.status >= 300) return null;
  const { body: role } = await call("GET", `${path}/role-id`);
  const { body: secret } = await call("POST", `${path}/secret-id`);
  return { roleId: role.data.role_id, secretId: createSecret(secret.data.secret_id), isOurs: enabled.status < 300 };
}
