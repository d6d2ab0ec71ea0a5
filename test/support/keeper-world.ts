import { bindingOf, type ConnectionBinding } from "../../src/domain/connection.ts";
import { createId, requireId } from "../../src/domain/ids.ts";
import type { NewSecret, RefreshAnswer } from "../../src/domain/ports/keepers.ts";
import { createSecretRef, parseSecretRef } from "../../src/domain/secret-ref.ts";
import type { SecretData } from "../../src/domain/token-data.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { eraseConnection } from "../../src/services/keeper/erase-connection.ts";
import type { Keeper } from "../../src/services/keeper/keeper.ts";
import { refreshConnection } from "../../src/services/keeper/refresh-connection.ts";
import { storeSecret } from "../../src/services/keeper/store-secret.ts";
import { nudgeKeeper, wakeKeeper } from "../../src/services/keeper/wake-keeper.ts";
import { purgeKeeper } from "../../src/services/retention/purge-keeper.ts";
import { createFakeAuditLog } from "./fake-audit-log.ts";
import { createFakeConnectionStore } from "./fake-connection-store.ts";
import { createFakeCredentialCache } from "./fake-credential-cache.ts";
import { createFakeKeeperState } from "./fake-keeper-state.ts";
import { createFakeMetrics } from "./fake-metrics.ts";
import { createFakeProvider } from "./fake-provider.ts";
import { createFakeSealer } from "./fake-sealer.ts";
import { createFakeSecretStore } from "./fake-secret-store.ts";
import { createFakeTime } from "./fake-time.ts";
import { createLives } from "./lives.ts";
import { randomBytes } from "./random-bytes.ts";
import { TEST_SETTINGS } from "./test-settings.ts";

export const OWNER = requireId("usr", `usr_${"a".repeat(32)}`);
export const WORKSPACE = requireId("wsp", `wsp_${"b".repeat(32)}`);

export interface WorldOptions {
  readonly random?: (bytes: number) => Uint8Array;
  /** Instead of the rotating one. */
  readonly change?: (provider: Provider) => Provider;
}

/** One keeper and everything around it, in memory; the object can be thrown away while its storage stays. */
export function createKeeperWorld({ random = randomBytes, change = (provider) => provider }: WorldOptions = {}) {
  const time = createFakeTime();
  const server = createFakeProvider(time.sleep);
  const provider = change(server.provider);
  const connections = createFakeConnectionStore(time.now);
  const secrets = createFakeSecretStore();
  const cache = createFakeCredentialCache(time.now);
  const sealer = createFakeSealer();
  const audit = createFakeAuditLog();
  const metrics = createFakeMetrics();
  const state = createFakeKeeperState();
  const lives = createLives();
  const binding = reserveBinding(provider.id, random);

  const delivered = new Set<unknown>();
  const calledDuringEscrow: string[] = [];

  /** Notes what the provider was asked while an escrow waited, and which of its answers reached a living keeper. */
  const watched =
    (ask: NonNullable<Provider["refresh"]>): NonNullable<Provider["refresh"]> =>
    async (secret, context) => {
      if (state.read()?.escrow) calledDuringEscrow.push(String(secret["access_token"]));
      const fresh = await ask(secret, context);
      delivered.add(fresh["refresh_token"]);
      return fresh;
    };

  function createKeeper(): Keeper {
    const { guard, guardFunction } = lives.begin();
    const guarded: Provider = {
      ...provider,
      refresh: provider.refresh && watched(guardFunction("provider.refresh", provider.refresh)),
      revoke: provider.revoke && guardFunction("provider.revoke", provider.revoke),
    };
    const deps: Keeper["deps"] = {
      audit: guard("audit", audit),
      connections: guard("connections", connections),
      credentialCache: guard("cache", cache),
      secrets: guard("secrets", secrets),
      sealer: guard("sealer", sealer),
      metrics,
      now: time.now,
      nowMs: time.nowMs,
      sleep: time.sleep,
      random,
      providers: { list: () => [guarded], find: (id) => (id === provider.id ? guarded : null) },
      providerSettings: {},
      send: () => Promise.reject(new Error("the fake provider sends nothing")),
      settings: TEST_SETTINGS,
    };
    return { deps, state, underWay: { refresh: null, settling: null, fallback: null } };
  }

  let keeper = createKeeper();
  const place = parseSecretRef(binding.secretRef, TEST_SETTINGS.vaultMount);
  const bugs: unknown[] = [];
  const store = (secret: SecretData = server.consent(time.now()), facts: Partial<NewSecret["facts"]> = {}) =>
    storeSecret(keeper, binding, {
      secret,
      facts: { scopes: [], upstreamAccount: null, metadata: {}, shared: null, ...facts },
    });
  const wake = (): Promise<void> => {
    state.alarmAtMs = null;
    return wakeKeeper(keeper);
  };
  const crash = () => {
    server.hangUp();
    keeper = createKeeper();
  };
  const world = {
    time,
    server,
    connections,
    secrets,
    cache,
    sealer,
    audit,
    metrics,
    state,
    lives,
    /** Refresh tokens that reached a living keeper. */
    delivered,
    /** Calls to the provider while an escrow waited: there must be none. */
    calledDuringEscrow,
    binding,
    place,
    /** The object dies here: what it waits for never comes, what it sent out arrives all the same. */
    crash,
    call: (force = false): Promise<RefreshAnswer> => refreshConnection(keeper, binding, force),
    store,
    erase: () => eraseConnection(keeper, binding, { actor: { type: "user", id: OWNER }, ip: null, requestId: null }),
    purge: () => purgeKeeper(keeper, binding),
    nudge: (as: ConnectionBinding = binding) => nudgeKeeper(keeper, as),
    /** The row of a new connection and its first secret. */
    async connect(secret?: SecretData) {
      await connections.reserve(
        { userId: OWNER, workspaceId: WORKSPACE },
        { ...binding, account: "a@example.com", upstreamAccount: null, shared: false, secretRefs: [binding.secretRef] },
      );
      await store(secret);
    },
    /** Wakes the keeper now, whatever its alarm says. */
    wake,
    /** Time passes; the alarm fires when its time comes. */
    advance: (seconds: number) =>
      time.advance(seconds, {
        atMs: () => state.alarmAtMs,
        fire: () => void wake().catch((error: unknown) => bugs.push(error)),
      }),
    /** Time passes, and no alarm fires. */
    pass: (seconds: number) => time.advance(seconds),
    /** What alarms threw: nothing is expected to. */
    bugs,
    record: () => {
      const record = state.read();
      if (record === null) throw new Error("the keeper has no record");
      return record;
    },
    row: () => connections.rows.get(binding.id),
    /** The stored secret, whatever the store's state. */
    async stored(): Promise<SecretData | null> {
      secrets.setDown(false);
      return (await secrets.read(place))?.data ?? null;
    },
    actions: () => audit.entries.map(({ action }) => action),
  };
  lives.onDeath = crash;
  return world;
}

export type KeeperWorld = ReturnType<typeof createKeeperWorld>;

function reserveBinding(provider: string, random: (bytes: number) => Uint8Array): ConnectionBinding {
  const id = createId("con", random);
  const secretRef = createSecretRef("aurora", "users", `aurora-test-${OWNER}-${provider}-token`);
  return { id, workspaceId: WORKSPACE, ownerId: OWNER, provider, secretRef };
}

/** The binding a row has now, e.g. after it was handed over. */
export function bindingOfRow(world: KeeperWorld): ConnectionBinding {
  const row = world.row();
  if (row === undefined) throw new Error("there is no row");
  return bindingOf(row);
}
