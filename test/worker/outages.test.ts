import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import {
  connectGrafana,
  type Key,
  logIn,
  newEmail,
  newKey,
  newPerson,
  PASSWORD,
  type Person,
  type Reply,
  readAudit,
  readCredentials,
  requireStatus,
  send,
  steer,
} from "../support/worker-client.ts";
import { type Fault, type Network, watchNetwork } from "../support/worker-network.ts";

const { SECRET_CACHE } = env as unknown as Bindings;

const copyOf = (id: string, version = 1) => `cred:${id}:v${version}`;
const tokenOf = (who: Pick<Person, "call">, id: string): Promise<Reply> =>
  who.call("GET", `/api/v1/connections/${id}/token`);
/** A caller this isolate has never answered: nothing of theirs is in its memory. */
const freshReader = (person: Person) => newKey(person, ["tokens:read"]);

async function connect(person: Person): Promise<Reply> {
  const { grafana } = await readCredentials();
  return person.call("POST", "/api/v1/providers/grafana/connect", grafana);
}

let network: Network;
beforeEach(() => {
  network = watchNetwork();
});
afterEach(() => {
  vi.restoreAllMocks();
});

// The first call loads the Worker, which is no test's business.
beforeAll(async () => {
  await send("GET", "/health/liveness");
});

describe("while Vault is away", () => {
  test.each<Fault>([503, 429, "page", "cut"])("(%j) nothing is connected, and the answer says why", async (fault) => {
    const ada = await newPerson();
    network.fail("vault", fault);
    const reply = await connect(ada);
    expect(reply).toMatchObject({ status: 503, body: { code: "vault_unavailable" } });
    expect(reply.text).not.toMatch(/injected|aurora\/|glsa_/);
    expect((await ada.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
  });

  test("a token that is cached is served, one that is not is 503, and only liveness is well", async () => {
    const ada = await newPerson();
    const { id } = (await connectGrafana(ada, { shared: true })).body;
    const readers = [await freshReader(ada), await freshReader(ada), await freshReader(ada)] as const;
    network.fail("vault", 503);
    expect((await tokenOf(readers[0], id)).status).toBe(200);
    await SECRET_CACHE.delete(copyOf(id));
    expect(await tokenOf(readers[1], id)).toMatchObject({ status: 503, body: { code: "vault_unavailable" } });
    const readiness = await send("GET", "/health/readiness");
    const checks = { database: "ok", vault: "down", cache: "ok" };
    expect(readiness).toMatchObject({ status: 503, body: { status: "not_ready", checks } });
    expect((await send("GET", "/health/liveness")).body).toEqual({ status: "alive" });
    network.mend();
    expect((await tokenOf(readers[2], id)).status).toBe(200);
    expect((await send("GET", "/health/readiness")).status).toBe(200);
  });

  test("a connection that is ended is unreadable at once, and erased later", async () => {
    const ada = await newPerson();
    const { id } = (await connectGrafana(ada)).body;
    network.fail("vault", 503);
    expect((await ada.call("DELETE", `/api/v1/connections/${id}`)).status).toBe(202);
    expect((await tokenOf(ada, id)).status).toBe(404);
    network.mend();
    expect((await ada.call("DELETE", `/api/v1/connections/${id}`)).status).toBe(204);
  });
});

test("a login Vault forgot is made again without anybody noticing", async () => {
  const ada = await newPerson();
  const { id } = (await connectGrafana(ada, { shared: true })).body;
  const reader = await freshReader(ada);
  await SECRET_CACHE.delete(copyOf(id));
  await steer("vault", "/_expire", {});
  expect((await tokenOf(reader, id)).status).toBe(200);
});

describe("while Postgres is away", () => {
  test.each<Fault>([503, "page", "cut"])("(%j) what needs it is 503, and nobody gets in without it", async (fault) => {
    const ada = await newPerson();
    const { id } = (await connectGrafana(ada, { shared: true })).body;
    const reader = await freshReader(ada);
    network.fail("postgres", fault);
    const replies = [
      await send("POST", "/api/auth/login", { body: { email: ada.email, password: PASSWORD } }),
      await send("POST", "/api/auth/register", { body: { email: newEmail(), password: PASSWORD } }),
      await ada.call("GET", "/api/v1/connections"),
      await connect(ada),
      await tokenOf(reader, id),
      await reader.call("GET", "/api/auth/me"),
    ];
    for (const reply of replies) {
      expect(reply).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
      expect(reply.text).not.toMatch(/injected|select|sql|neon/i);
    }
    const unknownKey = `aurora_${"A".repeat(43)}`;
    expect((await send("GET", "/api/auth/me", { headers: { "x-api-key": unknownKey } })).status).toBe(503);
    expect((await send("GET", "/api/auth/me")).status).toBe(401);
    expect((await send("GET", "/health/readiness")).body.checks).toMatchObject({ database: "down", vault: "ok" });
    network.mend();
    expect((await tokenOf(reader, id)).status).toBe(200);
    expect((await logIn(ada.email)).id).toBe(ada.id);
  });
});

describe("a cached copy that was tampered with is not served, and the audit says so:", () => {
  let ada: Person;
  beforeAll(async () => {
    ada = await newPerson();
  });

  /** A shared connection whose token is known, with its sealed copy. */
  async function store(token: string, owner?: Key) {
    const account = crypto.randomUUID();
    const body = { provider: "gcp", account, shared: true, token_data: { access_token: token } };
    const key = owner ?? (await newKey(ada, ["connections:write"]));
    const { id } = requireStatus(await key.call("POST", "/api/v1/tokens", body), 201).body as { id: string };
    requireStatus(await tokenOf(await freshReader(ada), id), 200);
    return {
      id,
      replace: () => key.call("POST", "/api/v1/tokens", { ...body, token_data: { access_token: `${token}-2` } }),
    };
  }

  async function readCopy(id: string, version = 1): Promise<string> {
    const copy = await SECRET_CACHE.get(copyOf(id, version));
    if (copy === null) throw new Error("there is no copy");
    return copy;
  }

  async function expectRejected(id: string, token: string): Promise<void> {
    const { status, body } = await tokenOf(await freshReader(ada), id);
    expect([status, body.token_data?.access_token]).toEqual([200, token]);
    await expect
      .poll(async () => (await readAudit(ada, "cache.rejected")).map(({ resource }) => resource), { timeout: 5000 })
      .toContainEqual({ type: "connection", id, provider: "gcp" });
  }

  test("a sealed copy holds nothing that can be read", async () => {
    const { id } = await store("plain-as-day");
    expect(await readCopy(id)).not.toMatch(/plain-as-day|access_token/);
    expect(atob((await readCopy(id)).split(".")[2] ?? "")).not.toContain("plain-as-day");
  });

  test.each(["of the same owner", "of another owner"])("the copy of another connection, %s", async (whose) => {
    const owner = await newKey(ada, ["connections:write"]);
    const mine = await store("mine", owner);
    const other = await store("other", whose === "of the same owner" ? owner : undefined);
    await SECRET_CACHE.put(copyOf(mine.id), await readCopy(other.id));
    await expectRejected(mine.id, "mine");
  });

  test("another workspace's copy", async () => {
    const mine = await store("mine");
    const eve = await newPerson();
    const body = { provider: "gcp", token_data: { access_token: "eve's" } };
    const theirs = requireStatus(await eve.call("POST", "/api/v1/tokens", body), 201).body.id;
    requireStatus(await tokenOf(eve, theirs), 200);
    await SECRET_CACHE.put(copyOf(mine.id), await readCopy(theirs));
    await expectRejected(mine.id, "mine");
  });

  test("an older version's copy", async () => {
    const mine = await store("mine");
    const old = await readCopy(mine.id);
    requireStatus(await mine.replace(), 201);
    await SECRET_CACHE.put(copyOf(mine.id, 2), old);
    await expectRejected(mine.id, "mine-2");
  });

  test.each<[string, (copy: string) => string]>([
    ["a copy with one bit changed", (copy) => flip(copy, copy.length - 8)],
    ["a copy with another nonce", (copy) => flip(copy, copy.indexOf(".") + 4)],
    ["a copy of another key", (copy) => `00000000${copy.slice(8)}`],
    ["a copy cut short", (copy) => copy.slice(0, -6)],
    ["nothing but dots", () => ".."],
    ["an empty copy", () => ""],
    ["no base64", (copy) => `${copy.slice(0, copy.indexOf("."))}.!!!.***`],
    [
      "plain text",
      () => JSON.stringify({ tokenData: { access_token: "planted" }, expiresAt: null, issuedAt: 1, version: 1 }),
    ],
  ])("%s", async (_, change) => {
    const { id } = await store("mine");
    await SECRET_CACHE.put(copyOf(id), change(await readCopy(id)));
    await expectRejected(id, "mine");
  });

  test("a copy of a version that was never written is never asked for", async () => {
    const { id } = await store("mine");
    await SECRET_CACHE.put(copyOf(id, 2), "planted");
    const { body } = await tokenOf(await freshReader(ada), id);
    expect([body.version, body.token_data.access_token]).toEqual([1, "mine"]);
  });
});

function flip(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
}
