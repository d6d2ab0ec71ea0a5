import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";
import { connect, type Person, type ProviderCall, readCalls, readToken, register, send, steer } from "./person.ts";
import { readStoredSecrets, type StoredSecret } from "./stored-secrets.ts";

const FIRST = "first@example.com";
const SECOND = "second@example.com";
/** Longer than a consent takes on a busy machine. */
const SLOW_MS = 5_000;
/** Where each provider says whose a token is. */
const WHO_IS = { demo: "demo-idp.example/v1/me", gcp: "openidconnect.googleapis.com/v1/userinfo" } as const;
type Provider = keyof typeof WHO_IS;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    env: { RATE_LIMITS: JSON.stringify({ register_address: 1000, login_address: 1000, connect: 1000 }) },
  });
});

afterAll(async () => {
  await stack?.stop();
});

beforeEach(async () => {
  await steer(stack.endpoints().sandbox, "/_reset", {});
  await steer(stack.endpoints().vault, "/_reset", {});
});

/** Breaks the secret store until it is mended; `revoke` breaks only what takes secrets away. */
async function breakVault(endpoint?: "revoke"): Promise<void> {
  const fault = { kind: "status", status: 503, seconds: 600, ...(endpoint && { endpoint }) };
  await steer(stack.endpoints().vault, "/_faults", fault);
}

async function mendVault(): Promise<void> {
  await steer(stack.endpoints().vault, "/_reset", {});
}

function secretsOf(person: Person): Promise<readonly StoredSecret[]> {
  return readStoredSecrets(stack.endpoints(), person.id);
}

async function tokenOf(person: Person, connection: string): Promise<string> {
  const { status, body } = await readToken(person, connection);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.token_data.access_token;
}

async function forceRefresh(person: Person, connection: string): Promise<string> {
  const { status, body } = await person.call("POST", `/api/v1/connections/${connection}/refresh`, { force: true });
  expect({ status, refreshed: body.refreshed }, JSON.stringify(body)).toEqual({ status: 200, refreshed: true });
  return body.token_data.access_token;
}

/** Whose token it is, as the provider has it; null when it does not take it any more. */
async function ownerOf(provider: Provider, token: string): Promise<string | null> {
  const headers = { authorization: `Bearer ${token}` };
  const { status, body } = await send(`${stack.endpoints().sandbox}/${WHO_IS[provider]}`, "GET", undefined, headers);
  return status === 200 ? body.email : null;
}

async function callsOf(
  provider: Provider,
  isWanted: (call: ProviderCall) => boolean,
): Promise<readonly ProviderCall[]> {
  return (await readCalls(stack.endpoints().sandbox, provider)).filter(isWanted);
}

const isRefresh = ({ grant_type }: ProviderCall) => grant_type === "refresh_token";
const isExchange = ({ grant_type }: ProviderCall) => grant_type === "authorization_code";
const isRevocation = ({ endpoint }: ProviderCall) => endpoint === "revoke";

describe("while a refresh is under way", () => {
  test.each([
    ["another account of the same provider", SECOND],
    ["the same account", FIRST],
  ])("%s is connected: the newest consent wins, and the late answer touches nothing", async (_, email) => {
    const person = await register(stack);
    const connection = await connect(stack, person, "demo", FIRST);
    const slow = { provider: "demo", endpoint: "token", kind: "delay", ms: SLOW_MS };
    await steer(stack.endpoints().sandbox, "/_faults", slow);
    const refresh = person.call("POST", `/api/v1/connections/${connection}/refresh`, { force: true });
    await expect.poll(() => callsOf("demo", isRefresh), { timeout: 10_000, interval: 50 }).toHaveLength(1);

    expect(await connect(stack, person, "demo", email)).toBe(connection);
    expect(await callsOf("demo", isRefresh)).toMatchObject([{ status: null }]);
    const newest = await tokenOf(person, connection);
    expect(await ownerOf("demo", newest)).toBe(email);
    const stored = await secretsOf(person);
    expect(stored).toMatchObject([{ version: 2, secret: { access_token: newest } }]);

    // The old grant's refresh token was rotated; what came of it is nobody's.
    const late = await refresh;
    expect(await callsOf("demo", isRefresh)).toMatchObject([{ status: 200 }]);
    expect(late).toMatchObject({ status: 200, body: { version: 2, token_data: { access_token: newest } } });
    expect(await tokenOf(person, connection)).toBe(newest);
    expect(await secretsOf(person)).toEqual(stored);
    expect(await ownerOf("demo", await forceRefresh(person, connection))).toBe(email);
    expect(await callsOf("demo", isRevocation)).toEqual([]);
  });
});

describe("a connection that is disconnected while the secret store is away", () => {
  async function open(provider: Provider) {
    const person = await register(stack);
    const connection = await connect(stack, person, provider, FIRST);
    return { person, connection, token: await tokenOf(person, connection) };
  }

  async function disconnect(person: Person, connection: string) {
    expect((await person.call("DELETE", `/api/v1/connections/${connection}`)).status).toBe(202);
    expect((await readToken(person, connection)).status).toBe(404);
  }

  /** The old secret is erased in the end; the new one is there, works, and can be renewed. */
  async function expectOnly(provider: Provider, person: Person, connection: string) {
    await expect.poll(() => secretsOf(person), { timeout: 60_000, interval: 500 }).toHaveLength(1);
    const token = await tokenOf(person, connection);
    expect(await secretsOf(person)).toMatchObject([{ version: 1, secret: { access_token: token } }]);
    expect(await ownerOf(provider, token)).toBe(FIRST);
    expect(await ownerOf(provider, await forceRefresh(person, connection))).toBe(FIRST);
    const { body } = await person.call("GET", "/api/v1/connections");
    expect(body.connections).toMatchObject([{ id: connection, status: "active" }]);
  }

  // Google takes back all that an account granted, not one grant.
  test.each<Provider>(["demo", "gcp"])(
    "and connected again before it is erased leaves the new one alone (%s)",
    async (provider) => {
      const { person, connection, token } = await open(provider);
      await breakVault("revoke");
      await disconnect(person, connection);
      expect(await ownerOf(provider, token)).toBeNull();
      const again = await connect(stack, person, provider, FIRST);
      expect(again).not.toBe(connection);
      expect(await secretsOf(person)).toHaveLength(2);
      await mendVault();
      await expectOnly(provider, person, again);
      expect(await callsOf(provider, isRevocation)).toHaveLength(1);
    },
  );

  test("and connected again as soon as it is back leaves the new one alone; no code is spent before", async () => {
    const { person, connection, token } = await open("demo");
    await breakVault();
    await disconnect(person, connection);
    await expect(connect(stack, person, "demo", FIRST)).rejects.toThrow("vault_unavailable");
    expect(await callsOf("demo", isExchange)).toHaveLength(1);
    await mendVault();
    const again = await connect(stack, person, "demo", FIRST);
    expect(again).not.toBe(connection);
    await expectOnly("demo", person, again);
    await expect.poll(() => ownerOf("demo", token), { timeout: 10_000 }).toBeNull();
    expect(await callsOf("demo", isRevocation)).toHaveLength(1);
  });
});
