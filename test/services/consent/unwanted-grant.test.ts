import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { readHandshakeId } from "../../../src/domain/handshake.ts";
import type { HandshakeId } from "../../../src/domain/ids.ts";
import { completeConsent } from "../../../src/services/consent/complete-consent.ts";
import { beginConsent } from "../../support/begin-consent.ts";
import { key, person, type ServiceWorld } from "../../support/service-world.ts";

const ada = person("a");
const backend = key("d", ada);
const DAY = 86_400;

function idOf(ticket: string): HandshakeId {
  const id = readHandshakeId(ticket);
  if (id === null) throw new Error("not a ticket");
  return id;
}

/** Postgres goes away between the exchange of the code and the row. */
function loseDatabaseAtTheRow(world: ServiceWorld) {
  const { connections } = world.deps;
  const { reserve } = connections;
  connections.reserve = async (...given) => {
    connections.setDown(true);
    return reserve(...given);
  };
}

/** Vault goes away between the row and the secret, so that the keeper keeps it sealed. */
function loseVaultAtTheSecret(world: ServiceWorld) {
  const { keepers, secrets } = world.deps;
  const { store } = keepers;
  keepers.store = (...given) => {
    secrets.setDown(true);
    return store(...given);
  };
}

async function bringCode() {
  const consent = await beginConsent(backend);
  const end = new URL(await consent.attempt({ user: null }));
  return { ...consent, id: idOf(consent.ticket), code: end.searchParams.get("connect_code") ?? "" };
}

const leftGrants = (world: ServiceWorld) =>
  world.deps.audit.entries.filter(({ detail }) => detail["reason"] === "not_revoked");

describe("a grant that cannot be kept after the exchange", () => {
  test("is revoked at once when the place for it is refused, and the person is told that nothing was stored", async () => {
    const { world, attempt, ticket } = await beginConsent(ada);
    world.deps.connections.reserve = () => Promise.reject(new AppError("database_unavailable", "It is down."));
    const end = new URL(await attempt());
    expect(Object.fromEntries(end.searchParams)).toEqual({ login: "rotating_failed", error: "database_unavailable" });
    expect(world.server.revocations).toEqual(["refresh-1"]);
    expect(world.deps.handshakes.storageOf(idOf(ticket))).toBeNull();
  });

  test("is revoked when Postgres is back, which knows whether another connection lives by it", async () => {
    const { world, attempt, ticket } = await beginConsent(ada);
    loseDatabaseAtTheRow(world);
    await attempt();
    expect(world.server.revocations).toEqual([]);
    expect(world.deps.handshakes.storageOf(idOf(ticket))).not.toMatch(/refresh-1|access-1/);
    world.deps.connections.setDown(false);
    await world.time.advance(60);
    await world.deps.handshakes.expire(idOf(ticket));
    expect(world.server.revocations).toEqual(["refresh-1"]);
    expect(world.deps.handshakes.storageOf(idOf(ticket))).toBeNull();
    expect(leftGrants(world)).toEqual([]);
  });

  test("in mode verify is revoked when it cannot be held", async () => {
    const { world, attempt } = await beginConsent(backend);
    world.deps.handshakes.hold = () => Promise.reject(new AppError("invalid_request", "This consent has expired."));
    expect(await attempt({ user: null })).toContain("login=rotating_failed");
    expect(world.server.revocations).toEqual(["refresh-1"]);
  });

  test("is revoked from here when its object cannot be reached", async () => {
    const { world, attempt } = await beginConsent(backend);
    world.deps.handshakes.hold = () => Promise.reject(new Error("Network connection lost."));
    world.deps.handshakes.discard = () => Promise.reject(new Error("Network connection lost."));
    await expect(attempt({ user: null })).rejects.toThrow("Network connection lost.");
    expect(world.server.revocations).toEqual(["refresh-1"]);
  });

  test("but is sealed by its keeper has its set-up begun, which nobody else would begin", async () => {
    const { world, attempt } = await beginConsent(ada);
    const { find } = world.deps.providers;
    const begun: string[] = [];
    Object.assign(world.deps.providers, {
      find: (id: string) => ({ ...find(id), afterConnect: "gcp_setup" }),
    });
    Object.assign(world.deps, {
      gcpSetups: {
        begin: async (_: unknown, connection: string) => {
          begun.push(connection);
          return null;
        },
      },
    });
    loseVaultAtTheSecret(world);
    await attempt();
    expect(begun).toEqual([expect.stringMatching(/^con_/)]);
  });

  test("but is sealed by its keeper is no failure for good: it is said that the connection comes later", async () => {
    const { world, attempt } = await beginConsent(ada);
    loseVaultAtTheSecret(world);
    const end = new URL(await attempt());
    const { login, error, stored } = Object.fromEntries(end.searchParams);
    expect([login, error, stored]).toEqual(["rotating_failed", "vault_unavailable", "later"]);
    expect(world.server.revocations).toEqual([]);
  });
});

describe("a connect code", () => {
  test.each(["secrets", "connections"] as const)("is not spent while the %s store is away", async (store) => {
    const { world, code } = await bringCode();
    world.deps[store].setDown(true);
    await expect(completeConsent(world.deps, backend, code)).rejects.toMatchObject({ code: /_unavailable$/ });
    world.deps[store].setDown(false);
    expect(await completeConsent(world.deps, backend, code)).toMatchObject({ status: "active" });
    expect(world.server.revocations).toEqual([]);
  });

  test("that is spent in vain leaves no grant behind", async () => {
    const { world, code, id } = await bringCode();
    loseDatabaseAtTheRow(world);
    await expect(completeConsent(world.deps, backend, code)).rejects.toMatchObject({ code: "database_unavailable" });
    world.deps.connections.setDown(false);
    await world.time.advance(60);
    await world.deps.handshakes.expire(id);
    expect(world.server.revocations).toEqual(["refresh-1"]);
  });

  test.each([
    ["that somebody else spends", true],
    ["that nobody claims", false],
  ])("%s is revoked when the provider is back", async (_, isClaimed) => {
    const { world, code, id } = await bringCode();
    world.server.revocationBehaviours.push({ kind: "fail" }, { kind: "busy", retryAfterSeconds: 30 });
    if (isClaimed) await completeConsent(world.deps, key("e", ada), code).catch(() => undefined);
    for (let minute = 0; minute < 3; minute += 1) {
      await world.deps.handshakes.expire(id);
      await world.time.advance(60);
    }
    expect(world.server.revocations).toEqual(["refresh-1"]);
    expect(world.deps.handshakes.storageOf(id)).toBeNull();
    await expect(completeConsent(world.deps, backend, code)).rejects.toMatchObject({ code: "not_found" });
  });

  test("that nobody claims is given up after a day of outage, which is recorded", async () => {
    const { world, id } = await bringCode();
    world.server.revocationBehaviours.push(...Array.from({ length: 1000 }, () => ({ kind: "fail" }) as const));
    for (let tries = 0; tries < 100; tries += 1) {
      await world.deps.handshakes.expire(id);
      await world.time.advance(DAY / 90);
    }
    expect(world.deps.handshakes.storageOf(id)).toBeNull();
    expect(leftGrants(world)).toMatchObject([{ action: "oauth.failed", detail: { code: "provider_unavailable" } }]);
    expect(world.server.revocationBehaviours.length).toBeGreaterThan(890);
  });

  test("whose grant the provider refuses to end is not asked about again, and that is recorded", async () => {
    const { world, id } = await bringCode();
    world.server.revocationBehaviours.push({ kind: "reject" });
    await world.deps.handshakes.expire(id);
    expect(world.deps.handshakes.storageOf(id)).toBeNull();
    expect(leftGrants(world)).toMatchObject([{ detail: { code: "provider_rejected" } }]);
  });
});
