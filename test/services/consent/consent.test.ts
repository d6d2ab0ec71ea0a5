import { describe, expect, test } from "vitest";
import { completeConsent } from "../../../src/services/consent/complete-consent.ts";
import { startConsent } from "../../../src/services/consent/start-consent.ts";
import type { Caller } from "../../../src/services/record-deed.ts";
import { type Attempt, beginConsent, openLink } from "../../support/begin-consent.ts";
import { createServiceWorld, key, person, type ServiceWorld } from "../../support/service-world.ts";

const ada = person("a");
async function expectRefused(attempt: Promise<unknown>, code: string, world: ServiceWorld) {
  await expect(attempt).rejects.toMatchObject({ code });
  expect(world.exchanges).toEqual([]);
  expect(world.deps.connections.rows.size).toBe(0);
}

describe("a consent in the starter's own browser", () => {
  test("connects the account and says so", async () => {
    const { world, attempt } = await beginConsent(ada);
    const end = new URL(await attempt());
    expect(end.origin + end.pathname).toBe("https://aurora.example/connected");
    expect(end.searchParams.get("login")).toBe("rotating_success");
    expect(world.deps.connections.rows.get(end.searchParams.get("connection") ?? "")).toMatchObject({
      status: "active",
    });
    expect(world.actions()).toEqual(["oauth.started", "oauth.completed", "connection.created"]);
  });

  test("carries no secret in its link, its address or its storage", async () => {
    const { world, ticket, state, attempt } = await beginConsent(ada);
    const storage = world.deps.handshakes.storageOf(ticket.split(".")[0] as never) ?? "";
    for (const secret of [ticket, state]) expect(storage).not.toContain(secret);
    expect(await attempt()).not.toMatch(/access-|refresh-/);
  });

  test("is refused a second time", async () => {
    const { world, attempt } = await beginConsent(ada);
    await attempt();
    await expect(attempt()).rejects.toMatchObject({ code: "invalid_request" });
    expect(world.exchanges).toEqual(["code-1"]);
  });

  test("of many callbacks at once passes one", async () => {
    const { world, attempt } = await beginConsent(ada);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => attempt()));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(world.exchanges).toHaveLength(1);
  });

  test.each<[string, Attempt]>([
    ["of another provider", { provider: "other" }],
    ["on another redirect path", { path: "/other/callback" }],
    ["on a path that differs by a slash", { path: "/rotating/callback/" }],
  ])("is refused a callback %s, which leaves the state to its owner", async (_, wrong) => {
    const { world, attempt } = await beginConsent(ada);
    await expectRefused(attempt(wrong), "invalid_request", world);
    expect(await attempt()).toContain("rotating_success");
  });

  test.each<[string, Attempt]>([
    ["another browser", { cookies: new Map() }],
    ["a browser that is signed out", { user: null }],
    ["another person", { user: person("b").principal.id }],
    ["an admin", { user: person("e", "admin").principal.id }],
  ])("is refused to %s, and leaves the state to its owner", async (_, wrong) => {
    const { world, attempt } = await beginConsent(ada);
    await expectRefused(attempt(wrong), "forbidden", world);
    expect(await attempt()).toContain("rotating_success");
  });

  test("is refused to a browser with another's cookie", async () => {
    const { world, attempt, cookies } = await beginConsent(ada);
    const forged = new Map([...cookies].map(([name]) => [name, "x".repeat(43)]));
    await expectRefused(attempt({ cookies: forged }), "forbidden", world);
  });

  test.each([
    ["changed", (state: string) => state.replace(/.$/, (last) => (last === "A" ? "B" : "A"))],
    ["cut", (state: string) => state.slice(0, -1)],
    ["lengthened", (state: string) => `${state}A`],
    [
      "of another handshake",
      (state: string) => state.replace(/^hsk_./, (head) => (head === "hsk_0" ? "hsk_1" : "hsk_0")),
    ],
    ["absent", () => ""],
    ["its id alone", (state: string) => state.split(".")[0] ?? ""],
  ])("is refused with a state that is %s", async (_, change) => {
    const { world, attempt, state } = await beginConsent(ada);
    await expectRefused(attempt({ query: { state: change(state) } }), "invalid_request", world);
  });

  test("is refused after ten minutes", async () => {
    const { world, attempt } = await beginConsent(ada);
    await world.time.advance(600);
    await expectRefused(attempt(), "invalid_request", world);
  });

  test("records a refusal in the starter's workspace, and an unknown state where nobody's events are", async () => {
    const { world, attempt } = await beginConsent(ada);
    await attempt({ user: null }).catch(() => undefined);
    const own = { chain: ada.principal.workspaceId, action: "oauth.failed", detail: { reason: "forbidden" } };
    expect(world.deps.audit.entries.at(-1)).toMatchObject(own);
    await attempt({ query: { state: "nonsense" } }).catch(() => undefined);
    expect(world.deps.audit.entries.at(-1)).toMatchObject({ chain: "wsp_unauthenticated", action: "oauth.failed" });
  });

  test("records that somebody else opened the link", async () => {
    const { world, ticket } = await beginConsent(ada);
    await openLink(world, ticket, new Map(), "usr_somebody_else").catch(() => undefined);
    expect(world.deps.audit.entries.at(-1)).toMatchObject({
      chain: ada.principal.workspaceId,
      action: "oauth.failed",
      actor: { id: "usr_somebody_else" },
    });
  });

  test("that the person denied spends the state, connects nothing and says why", async () => {
    const { world, attempt } = await beginConsent(ada);
    const end = new URL(await attempt({ query: { error: "access_denied" }, code: null }));
    expect(end.searchParams.get("login")).toBe("rotating_failed");
    expect(end.searchParams.get("error")).toBe("access_denied");
    expect(world.deps.connections.rows.size).toBe(0);
    await expect(attempt()).rejects.toMatchObject({ code: "invalid_request" });
  });

  test.each(["<script>", "https://evil.example", "x".repeat(41)])("does not repeat %j as a reason", async (error) => {
    const { attempt } = await beginConsent(ada);
    expect(new URL(await attempt({ query: { error }, code: null })).searchParams.get("error")).toBe(
      "provider_rejected",
    );
  });

  test("does not spend its code while the secret store is away", async () => {
    const { world, attempt } = await beginConsent(ada);
    world.deps.secrets.setDown(true);
    expect(await attempt()).toContain("error=vault_unavailable");
    expect(world.exchanges).toEqual([]);
  });
});

describe("a consent link", () => {
  test("asks a signed-out browser to sign in, and binds nothing", async () => {
    const world = createServiceWorld();
    const { loginUrl } = await startConsent(world.deps, ada, "rotating", { returnTo: null, scopes: null, mode: null });
    const ticket = loginUrl.split("/").at(-1) ?? "";
    expect(await openLink(world, ticket, new Map(), null)).toEqual({ kind: "sign_in" });
  });

  test("is refused to another person", async () => {
    const { world, ticket } = await beginConsent(ada);
    await expect(openLink(world, ticket, new Map(), person("b").principal.id)).rejects.toMatchObject({
      code: "forbidden",
    });
  });

  test("may be opened again until its state is taken", async () => {
    const { world, ticket, cookies, attempt } = await beginConsent(ada);
    expect(await openLink(world, ticket, cookies, ada.principal.id)).toMatchObject({ kind: "consent" });
    await attempt();
    await expect(openLink(world, ticket, cookies, ada.principal.id)).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("is refused when it expired, was changed or never was", async () => {
    const { world, ticket } = await beginConsent(ada);
    for (const wrong of ["", "x", ticket.slice(0, -1), ticket.replace(/.$/, (last) => (last === "A" ? "B" : "A"))]) {
      await expect(openLink(world, wrong, new Map(), ada.principal.id)).rejects.toMatchObject({
        code: "invalid_request",
      });
    }
    await world.time.advance(600);
    await expect(openLink(world, ticket, new Map(), ada.principal.id)).rejects.toMatchObject({
      code: "invalid_request",
    });
  });

  test.each([
    ["an unknown provider", "nobody", {}, "not_found"],
    ["a provider without a consent page", "key", {}, "invalid_request"],
    ["an address elsewhere", "rotating", { returnTo: "//evil.example" }, "invalid_request"],
  ])("is not made for %s", async (_, provider, change, code) => {
    const world = createServiceWorld();
    const request = { returnTo: null, scopes: null, mode: null, ...change };
    await expect(startConsent(world.deps, ada, provider, request)).rejects.toMatchObject({ code });
    expect(world.actions()).toEqual([]);
  });

  test("in mode session is not made for a key, which has no browser", async () => {
    const world = createServiceWorld();
    const request = { returnTo: null, scopes: null, mode: "session" as const };
    await expect(startConsent(world.deps, key("d"), "rotating", request)).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});

describe("a consent in mode verify", () => {
  const backend = key("d", ada);

  async function bringCode() {
    const consent = await beginConsent(backend, null);
    const end = new URL(await consent.attempt({ user: null }));
    expect(end.searchParams.get("login")).toBe("rotating_pending");
    return { ...consent, code: end.searchParams.get("connect_code") ?? "" };
  }

  test("connects nothing until its starter posts the code, once", async () => {
    const { world, code } = await bringCode();
    expect(world.deps.connections.rows.size).toBe(0);
    expect(await completeConsent(world.deps, backend, code)).toMatchObject({
      ownerId: ada.principal.id,
      status: "active",
    });
    await expect(completeConsent(world.deps, backend, code)).rejects.toMatchObject({ code: "not_found" });
    expect(world.deps.connections.rows.size).toBe(1);
    expect(world.server.revocations).toEqual([]);
  });

  test.each<[string, Caller]>([
    ["another key for the same user", key("e", ada)],
    ["the same key for another user", key("d", person("b"))],
    ["the same key as itself", key("d")],
    ["the user's own session", ada],
    ["the same key in another workspace", key("d", ada, "2")],
  ])("claimed by %s is spent and revoked", async (_, thief) => {
    const { world, code } = await bringCode();
    await expect(completeConsent(world.deps, thief, code)).rejects.toMatchObject({ code: "not_found" });
    expect(world.server.revocations).toEqual(["refresh-1"]);
    expect(world.deps.audit.entries.at(-1)).toMatchObject({
      chain: backend.principal.workspaceId,
      action: "oauth.failed",
      outcome: "failure",
      actor: { id: thief.principal.id },
      detail: { reason: "not_found" },
    });
    await expect(completeConsent(world.deps, backend, code)).rejects.toMatchObject({ code: "not_found" });
    expect(world.deps.connections.rows.size).toBe(0);
    expect(world.deps.secrets.paths()).toEqual([]);
  });

  test("still wants the browser that opened the link", async () => {
    const { world, attempt } = await beginConsent(backend, null);
    await expectRefused(attempt({ user: null, cookies: new Map() }), "forbidden", world);
  });

  test("claimed by many at once is handed out once", async () => {
    const { world, code } = await bringCode();
    const claims = await Promise.allSettled(
      Array.from({ length: 10 }, () => completeConsent(world.deps, backend, code)),
    );
    expect(claims.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("that nobody claims in ten minutes is revoked and forgotten", async () => {
    const { world, code, ticket } = await bringCode();
    await world.time.advance(600);
    await expect(completeConsent(world.deps, backend, code)).rejects.toMatchObject({ code: "not_found" });
    const id = ticket.split(".")[0] as never;
    await world.deps.handshakes.expire(id);
    expect(world.server.revocations).toEqual(["refresh-1"]);
    expect(world.deps.handshakes.storageOf(id)).toBeNull();
  });

  test.each(["", "x", "hsk_1.x"])("knows nothing of the code %j", async (code) => {
    const { world } = await bringCode();
    await expect(completeConsent(world.deps, backend, code)).rejects.toMatchObject({ code: "not_found" });
  });

  test("holds the grant sealed", async () => {
    const { world, ticket } = await bringCode();
    expect(world.deps.handshakes.storageOf(ticket.split(".")[0] as never)).not.toMatch(/access-1|refresh-1/);
  });
});
