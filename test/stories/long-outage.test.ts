import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../../local/sandbox/server.ts";
import { createRedirectUriCheck } from "../../local/stack/redirect-uris.ts";
import { type RunningVault, startVault } from "../../local/vault/server.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { readIssued } from "./issued-secrets.ts";
import { connect, type Person, readCalls, readToken, register, send, steer } from "./person.ts";
import { readStoredSecrets } from "./stored-secrets.ts";

const OUTAGE_MS = 60_000;
const TEST_MS = 300_000;
const PROVIDER = "demo";

let folder: string;
let vault: RunningVault;
let sandbox: Sandbox;
let stack: Stack;

/** Vault and the provider outlive the Worker here, as they do in a deployment: what they were told and asked is kept. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "aurora-outage-"));
  vault = await startVault({ port: 0, dataDir: null });
  const isRedirectUri = (uri: string) => createRedirectUriCheck(new URL(uri).origin)(uri);
  sandbox = await startSandbox({ port: 0, dataDir: join(folder, "sandbox"), redirectUris: isRedirectUri });
  const env = {
    ...sandbox.settings,
    PROVIDER_ORIGINS: JSON.stringify(sandbox.origins),
    VAULT_ADDR: vault.address,
    VAULT_ROLE_ID: vault.roleId,
    VAULT_SECRET_ID: vault.secretId,
  };
  stack = await startStack({ env, args: ["--live"] });
});

afterAll(async () => {
  await stack?.stop();
  await Promise.all([vault?.stop(), sandbox?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function refreshCalls() {
  return (await readCalls(sandbox.address, PROVIDER)).filter((call) => call.grant_type === "refresh_token");
}

async function readSecret(person: Person) {
  const [secret] = await readStoredSecrets({ vault: vault.address, vault_token: vault.rootToken }, person.id);
  if (secret === undefined) throw new Error("nothing is in the secret store");
  return secret;
}

/** The refresh token the provider would still take: a used one was replaced by it. */
function liveRefreshTokens(): readonly string[] {
  return readIssued(join(folder, "sandbox"))
    .filter(({ kind, isUsed }) => kind === "RefreshToken" && !isUsed)
    .map(({ value }) => value);
}

/** What the only keeper has on disk; the files are copied, since reading them where they lie could change them. */
function readKeeperRecord(): unknown {
  const objects = join(stack.state, "worker/v3/do");
  const kind = readdirSync(objects).find((name) => name.endsWith("ConnectionKeeper"));
  const copy = join(folder, "keeper");
  cpSync(join(objects, kind ?? ""), copy, { recursive: true });
  const file = readdirSync(copy).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const database = new DatabaseSync(join(copy, file ?? ""));
  const row = database.prepare("select value from record").get();
  database.close();
  return JSON.parse(String(row?.["value"]));
}

async function tokenOf(person: Person, connection: string): Promise<string> {
  const { status, body } = await readToken(person, connection);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.token_data.access_token;
}

test(
  "killed in the middle of a minute without Vault, after the provider answered: the rotated token is kept, and asked for once",
  async () => {
    const person = await register(stack);
    const connection = await connect(stack, person, PROVIDER);
    const refresh = () => person.call("POST", `/api/v1/connections/${connection}/refresh`, { force: true });
    const first = await tokenOf(person, connection);
    const before = await readSecret(person);
    await steer(sandbox.address, "/_faults", { provider: PROVIDER, endpoint: "token", kind: "delay", ms: 2_000 });
    const asked = refresh();
    // The connection breaks when the Worker is killed; that is what is wanted.
    asked.catch(() => undefined);
    await expect.poll(refreshCalls, { timeout: 15_000, interval: 50 }).toHaveLength(1);

    // The secret was read; from here on nothing is written, for a minute.
    await steer(vault.address, "/_faults", { kind: "status", status: 503, seconds: 600 });
    const beganAt = performance.now();
    await expect.poll(refreshCalls, { timeout: 15_000, interval: 50 }).toMatchObject([{ status: 200 }]);
    await sleep(OUTAGE_MS / 3);
    await stack.kill();
    expect(readKeeperRecord()).toMatchObject({
      intent: null,
      escrow: { kind: "refresh", cas: 1, writtenVersion: null },
    });

    // It is ready when Vault is back; until then it is alive.
    const ready = stack.restart();
    const isAlive = async () => (await send(`${stack.url}/health/liveness`, "GET").catch(() => null))?.status;
    await expect.poll(isAlive, { timeout: 60_000, interval: 250 }).toBe(200);
    expect(await send(`${stack.url}/health/readiness`, "GET")).toMatchObject({
      status: 503,
      body: { checks: { vault: "down", database: "ok" } },
    });
    await tokenOf(person, connection);
    await sleep(Math.max(5_000, OUTAGE_MS - (performance.now() - beganAt)));
    expect(await refreshCalls()).toHaveLength(1);
    await steer(vault.address, "/_reset", {});
    await ready;

    await expect.poll(() => tokenOf(person, connection), { timeout: 60_000, interval: 500 }).not.toBe(first);
    const after = await readSecret(person);
    expect(after).toMatchObject({ version: 2, secret: { access_token: await tokenOf(person, connection) } });
    expect(after.secret["refresh_token"]).not.toBe(before.secret["refresh_token"]);
    expect(liveRefreshTokens()).toEqual([after.secret["refresh_token"]]);
    expect(await refreshCalls()).toHaveLength(1);

    expect(await refresh()).toMatchObject({ status: 200, body: { refreshed: true, version: 3 } });
    expect(await refreshCalls()).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect(await person.call("GET", `/api/v1/connections/${connection}`)).toMatchObject({ body: { status: "active" } });
  },
  TEST_MS,
);
