import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { PROVIDERS } from "../../src/providers/registry.ts";
import { type PlayedProviders, startProviders } from "./sandbox-providers.ts";

/** Every provider with a consent page, and the operator's own. */
const CONSENTS = [...PROVIDERS.filter(({ authorization }) => authorization !== null).map(({ id }) => id), "demo"];
/** Slack refuses PKCE, Bitbucket passes over it. */
const WITH_PKCE = CONSENTS.filter((id) => !["bitbucket", "slack"].includes(id));
const REVOCABLE = ["gcp", "demo", "slack"];
const ROTATING = CONSENTS.filter((id) => id !== "gcp");

let played: PlayedProviders;
beforeAll(async () => {
  played = await startProviders();
});
afterAll(() => played.stop());
afterEach(() => played.reset());

/** The calls from the callback on: the consent pages are the browser's. */
async function countCalls(id: string): Promise<number> {
  return (await played.calls(id)).filter(({ endpoint }) => endpoint !== "authorize").length;
}

const exchangeOf = (id: string) => {
  const { authorization } = played.find(id);
  if (authorization === null) throw new Error("no consent");
  return authorization.exchange;
};

test.each(CONSENTS)("%s: a person who denies is told so, and no code is spent", async (id) => {
  const exchange = await played.consent(played.find(id), { decision: "deny" });
  await expect(exchangeOf(id)(exchange, played.context())).rejects.toMatchObject({
    code: "provider_rejected",
    message: expect.stringContaining("not granted"),
  });
  expect(await countCalls(id)).toBe(0);
});

test.each(WITH_PKCE)("%s: the code works with its own verifier only", async (id) => {
  const exchange = await played.consent(played.find(id));
  const wrong = { ...exchange, codeVerifier: "x".repeat(43) };
  await expect(exchangeOf(id)(wrong, played.context())).rejects.toMatchObject({ code: "provider_rejected" });
});

test.each(CONSENTS)("%s: a code that was spent is refused", async (id) => {
  const exchange = await played.consent(played.find(id));
  await exchangeOf(id)(exchange, played.context());
  await expect(exchangeOf(id)(exchange, played.context())).rejects.toMatchObject({ code: "provider_rejected" });
});

test.each(REVOCABLE)("%s: after a revocation the refresh token is dead, and revoking again is no error", async (id) => {
  const { refresh, revoke } = played.find(id);
  if (refresh === null || revoke === null) throw new Error("cannot refresh or revoke");
  const { secret } = await played.acquire(played.find(id), null);
  await revoke(secret, played.context());
  await expect(refresh(secret, played.context())).rejects.toMatchObject({ code: "reauth_required" });
  await expect(revoke(secret, played.context())).resolves.toBeUndefined();
});

test("gcp says what was granted and whose it is, in a way that two workspaces can compare", async () => {
  const acquired = await played.acquire(played.find("gcp"), null);
  expect(acquired.scopes).toContain("https://www.googleapis.com/auth/cloud-platform");
  expect(acquired.upstreamAccount).toMatch(/^904112233445-sandbox\.apps\.googleusercontent\.com:\d{21}$/);
});

test.each(ROTATING)("%s rotates: the new refresh token is stored, the old one ends the grant", async (id) => {
  const { refresh } = played.find(id);
  if (refresh === null) throw new Error("cannot refresh");
  const { secret } = await played.acquire(played.find(id), null);
  const fresh = await refresh(secret, played.context());
  expect(fresh["refresh_token"]).not.toBe(secret["refresh_token"]);
  await expect(refresh(secret, played.context())).rejects.toMatchObject({ code: "reauth_required" });
  await expect(refresh(fresh, played.context())).rejects.toMatchObject({ code: "reauth_required" });
});

test.each(CONSENTS)("%s: a code nobody was given is refused, in words", async (id) => {
  const exchange = await played.consent(played.find(id));
  exchange.callback.set("code", "guessed");
  await expect(exchangeOf(id)(exchange, played.context())).rejects.toMatchObject({
    code: "provider_rejected",
    message: expect.stringMatching(/^[A-Z].*\.$/),
  });
});

describe.each([
  ["no code", (callback: URLSearchParams) => callback.delete("code")],
  ["an empty code", (callback: URLSearchParams) => callback.set("code", "")],
  ["two codes", (callback: URLSearchParams) => callback.append("code", "another")],
  ["another's state", (callback: URLSearchParams) => callback.set("state", "another")],
  ["no state", (callback: URLSearchParams) => callback.delete("state")],
])("a callback with %s", (_what, spoil) => {
  test.each(CONSENTS)("is not taken from %s, and nothing is asked", async (id) => {
    const exchange = await played.consent(played.find(id));
    spoil(exchange.callback);
    await expect(exchangeOf(id)(exchange, played.context())).rejects.toMatchObject({ code: "provider_rejected" });
    expect(await countCalls(id)).toBe(0);
  });
});
