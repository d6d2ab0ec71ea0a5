import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import {
  connectGrafana,
  newColleague,
  newKey,
  newPerson,
  type Person,
  type Reply,
  readCredentials,
  requireStatus,
} from "../support/worker-client.ts";
import { store, tokenOf } from "../support/worker-connections.ts";
import { type Network, watchNetwork } from "../support/worker-network.ts";

const statusOf = async (reply: Promise<Reply>) => (await reply).status;
const inOneHour = () => Math.floor(Date.now() / 1000) + 3600;

let network: Network;
beforeEach(() => {
  network = watchNetwork();
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe("token data stored as given", () => {
  let ada: Person;
  beforeAll(async () => {
    ada = await newPerson();
  });

  test("is answered without what must stay inside", async () => {
    const token_data = {
      ...{ access_token: "ya29.mine", refresh_token: "1//secret", token_type: "Bearer", client_secret: "hidden" },
      ...{ expires_at: inOneHour(), scope: "a b", email: "ada@example.com" },
    };
    const { status, body } = await store(ada, { token_data });
    expect([status, body.account, body.scopes]).toEqual([201, "ada@example.com", ["a", "b"]]);
    const token = await tokenOf(ada, body.id);
    expect(token.body.token_data).toMatchObject({ access_token: "ya29.mine", expires_at: token_data.expires_at });
    expect(token.text).not.toMatch(/secret|hidden/);
  });

  test.each<[string, object, number]>([
    ["no provider", { provider: undefined }, 400],
    ["a provider nobody knows", { provider: "nowhere" }, 404],
    ["no data", { token_data: undefined }, 400],
    ["data that is a list", { token_data: [] }, 400],
    ["a field nobody knows", { owner_id: "usr_1" }, 400],
    ["milliseconds for seconds", { token_data: { access_token: "x", expires_at: Date.now() } }, 400],
    ["a time that is text", { token_data: { access_token: "x", expires_at: "soon" } }, 400],
    ["an address inside", { token_data: { access_token: "x", a: [{ b: "https://10.0.0.1/" }] } }, 400],
    ["another workspace's external id", { provider: "aws", token_data: { external_id: crypto.randomUUID() } }, 400],
  ])("is refused with %s", async (_, body, status) => {
    const key = await newKey(ada, ["connections:write"]);
    expect(await statusOf(store(key, body))).toBe(status);
  });
});

describe("a token asked for by provider", () => {
  const ask = (person: Pick<Person, "call">, query: string) => person.call("GET", `/api/v1/tokens?${query}`);

  test("is of the first provider that has one, one's own before shared ones, the newest first", async () => {
    const admin = await newPerson();
    const bob = await newColleague(admin, "operator");
    const shared = (await store(admin, { account: "shared", shared: true })).body.id;
    expect((await ask(bob, "provider=aws,azure,gcp")).body.connection_id).toBe(shared);
    const older = (await store(bob, { account: "older" })).body.id;
    expect((await ask(bob, "provider=gcp")).body.connection_id).toBe(older);
    const newer = (await store(bob, { account: "newer" })).body.id;
    expect((await ask(bob, "provider=gcp")).body.connection_id).toBe(newer);
    expect((await ask(bob, "provider=gcp&account=older")).body.connection_id).toBe(older);
    const grafana = (await connectGrafana(bob)).body.id;
    expect((await ask(bob, "provider=aws,%20grafana,gcp")).body.connection_id).toBe(grafana);
    for (const query of ["provider=azure", "provider=gcp&account=none", "provider=nowhere"]) {
      expect(await statusOf(ask(bob, query)), query).toBe(404);
    }
    for (const query of ["", "provider="]) expect(await statusOf(ask(bob, query)), query).toBe(400);
    const refreshed = await bob.call("POST", "/api/v1/tokens/refresh", { provider: "gcp", account: "older" });
    expect(refreshed).toMatchObject({ status: 200, body: { connection_id: older, refreshed: false } });
    expect(await statusOf(bob.call("POST", "/api/v1/tokens/refresh", {}))).toBe(400);
    expect(await statusOf(bob.call("POST", "/api/v1/tokens/refresh", { provider: "azure" }))).toBe(404);
  });

  test("is refreshed when it is due, once for many callers; by force, again", async () => {
    const ada = await newPerson();
    const { azure } = await readCredentials();
    const due = { ...azure, access_token: "old", expires_at: Math.floor(Date.now() / 1000) - 10 };
    const { id } = requireStatus(await store(ada, { provider: "azure", token_data: due }), 201).body;
    const replies = await Promise.all(Array.from({ length: 20 }, () => tokenOf(ada, id)));
    const tokens = new Set(replies.map(({ body }) => body.token_data?.access_token));
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect([tokens.size, tokens.has("old")]).toEqual([1, false]);
    const minted = () => network.count("/oauth2/v2.0/token");
    expect(minted()).toBe(1);
    const forced = await ada.call("POST", `/api/v1/connections/${id}/refresh`, { force: true });
    expect(forced.body).toMatchObject({ refreshed: true });
    expect(minted()).toBe(2);
    expect(await statusOf(ada.call("POST", `/api/v1/connections/${id}/refresh`, { force: "yes" }))).toBe(400);
  });
});
