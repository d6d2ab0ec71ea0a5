import { createHash } from "node:crypto";
import { createHotCredentials } from "../../src/adapters/memory/hot-credentials.ts";
import type { Connection } from "../../src/domain/connection.ts";
import { AppError } from "../../src/domain/errors.ts";
import { requireId } from "../../src/domain/ids.ts";
import { readText } from "../../src/domain/json.ts";
import { permissionsOfRole, type UserRole } from "../../src/domain/permissions.ts";
import type { Principal } from "../../src/domain/principal.ts";
import { epochSeconds } from "../../src/domain/time.ts";
import type { AuthorizationFlow, Provider } from "../../src/providers/provider.ts";
import { type Choice, storeAcquired } from "../../src/services/connections/store-acquired.ts";
import type { Deps } from "../../src/services/deps.ts";
import type { Caller } from "../../src/services/record-deed.ts";
import { createFakeAuditLog } from "./fake-audit-log.ts";
import { createFakeConnectionStore } from "./fake-connection-store.ts";
import { createFakeCredentialCache } from "./fake-credential-cache.ts";
import { createFakeHandshakes } from "./fake-handshakes.ts";
import { createFakeKeepers } from "./fake-keepers.ts";
import { createLogbook } from "./fake-logbook.ts";
import { createFakeMetrics } from "./fake-metrics.ts";
import { createFakeProvider } from "./fake-provider.ts";
import { createFakeSealer } from "./fake-sealer.ts";
import { createFakeSecretStore } from "./fake-secret-store.ts";
import { createFakeTime } from "./fake-time.ts";
import { randomBytes } from "./random-bytes.ts";
import { TEST_SETTINGS } from "./test-settings.ts";

const sha256 = async (text: string) => createHash("sha256").update(text).digest("hex");

export interface ServiceWorldOptions {
  /** Beside the fake ones. */
  readonly providers?: readonly Provider[];
  /** What real providers are answered. */
  readonly send?: Deps["send"];
}

/** The services' ports in memory: real keepers and real consent desks over fakes, two providers. */
export function createServiceWorld({ providers: real = [], send = sendNothing }: ServiceWorldOptions = {}) {
  const time = createFakeTime();
  const server = createFakeProvider(time.sleep);
  const exchanges: string[] = [];
  const rotating: Provider = { ...server.provider, authorization: consentFlow("/rotating/callback") };
  const other: Provider = { ...rotating, id: "other", authorization: consentFlow("/other/callback") };
  const key: Provider = { ...server.provider, id: "key", name: "Key", kind: "api_key", refresh: null, revoke: null };
  const providers = [rotating, other, key, ...real];

  function consentFlow(callbackPath: string): AuthorizationFlow {
    return {
      callbackPath,
      authorizeUrl: async ({ state, redirectUri }) =>
        new URL(`https://rotating.example/authorize?${new URLSearchParams({ state, redirect_uri: redirectUri })}`),
      async exchange({ callback }) {
        const code = callback.get("code");
        if (code === null) throw new AppError("provider_rejected", "Access was not granted.");
        exchanges.push(code);
        const secret = server.consent(time.now());
        return { secret, account: "a@example.com", upstreamAccount: "client:a", scopes: ["read"] };
      },
    };
  }

  const common = {
    settings: TEST_SETTINGS,
    now: time.now,
    nowMs: time.nowMs,
    sleep: time.sleep,
    random: randomBytes,
    sha256,
    audit: createFakeAuditLog(),
    metrics: createFakeMetrics(),
    sealer: createFakeSealer(),
    secrets: createFakeSecretStore(),
    connections: createFakeConnectionStore(time.now),
    credentialCache: createFakeCredentialCache(time.now),
    providers: {
      list: () => providers,
      find: (id: string) => providers.find((provider) => provider.id === id) ?? null,
    },
    providerSettings: {},
    send,
    log: createLogbook(),
  };
  const deferred: Promise<unknown>[] = [];
  const deps = {
    ...common,
    hotCredentials: createHotCredentials(TEST_SETTINGS.hotCacheSeconds, time.nowMs),
    keepers: createFakeKeepers(common),
    handshakes: createFakeHandshakes(common),
    defer: (work: Promise<unknown>) => void deferred.push(work),
    browserUrl: (url: URL) => url,
    gcpSetupRuns: unused<Deps["gcpSetupRuns"]>("gcpSetupRuns"),
    gcpSetups: unused<Deps["gcpSetups"]>("gcpSetups"),
  };
  return {
    deps,
    time,
    server,
    /** The codes that were spent. */
    exchanges,
    rotating,
    key,
    /** Waits for what was left for after the answer. */
    finishDeferred: () => Promise.all(deferred.splice(0)),
    actions: () => deps.audit.entries.map(({ action }) => action),
    /** Connects an account of that caller. */
    async connect(caller: Caller, choice: Partial<Choice> = {}, provider: Provider = rotating): Promise<Connection> {
      const secret = provider === key ? { access_token: "key-1" } : server.consent(time.now());
      const account = choice.account ?? readText(secret, "email") ?? "a@example.com";
      const acquired = { secret, account, upstreamAccount: null, scopes: [] };
      const scope = { userId: caller.principal.id, workspaceId: caller.principal.workspaceId };
      const { connection } = await storeAcquired(deps, scope, provider, acquired, { account, shared: null, ...choice });
      return connection;
    },
  };
}

export type ServiceWorld = ReturnType<typeof createServiceWorld>;

function sendNothing(): Promise<never> {
  return Promise.reject(new Error("nothing is sent"));
}

/** A signed-in person, e.g. `person("a")`. `workspace` is a hex digit too. */
export function person(digit: string, role: UserRole = "operator", workspace = "1"): Caller {
  const id = requireId("usr", `usr_${digit.repeat(32)}`);
  const sessionId = requireId("ses", `ses_${digit.repeat(32)}`);
  const expiresAt = epochSeconds(2_000_000_000);
  return callerOf({
    id,
    workspaceId: requireId("wsp", `wsp_${workspace.repeat(32)}`),
    role,
    email: `${digit}@example.com`,
    name: null,
    permissions: permissionsOfRole(role),
    credential: { kind: "session", sessionId, userId: id, expiresAt, fingerprint: `session-${digit}` },
    impersonatedBy: null,
  });
}

/** A key of that workspace, acting as itself or as a person. */
export function key(digit: string, actingAs: Caller | null = null, workspace = "1"): Caller {
  const id = requireId("key", `key_${digit.repeat(32)}`);
  return callerOf({
    id: actingAs?.principal.id ?? id,
    workspaceId: requireId("wsp", `wsp_${workspace.repeat(32)}`),
    role: actingAs?.principal.role ?? "api_service",
    email: null,
    name: "a service",
    permissions: ["connections:read", "connections:write", "tokens:read"],
    credential: { kind: "api_key", keyId: id, fingerprint: `key-${digit}` },
    impersonatedBy: actingAs === null ? null : id,
  });
}

function callerOf(principal: Principal): Caller {
  return { principal, ip: "192.0.2.7", requestId: "req_1" };
}

/** A port no test here has a use for. */
function unused<Port extends object>(name: string): Port {
  return new Proxy({} as Port, {
    get: () => () => Promise.reject(new Error(`${name} was not expected to be used`)),
  });
}
