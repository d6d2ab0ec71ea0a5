import { createAnalytics } from "./adapters/analytics.ts";
import { createPasswordHasher } from "./adapters/bcrypt.ts";
import { findObject } from "./adapters/durable-object.ts";
import { createUpstreamStream } from "./adapters/http/upstream-stream.ts";
import { createWebhookPost } from "./adapters/http/webhook-post.ts";
import { createUpstream, type UpstreamSettings } from "./adapters/http.ts";
import { createSessionTokens } from "./adapters/jwt.ts";
import { createLog } from "./adapters/log.ts";
import { createAuditCounters } from "./adapters/memory/audit-counters.ts";
import { createHotCredentials } from "./adapters/memory/hot-credentials.ts";
import { createHotIdentities } from "./adapters/memory/hot-identities.ts";
import { createLimitLeases } from "./adapters/memory/limit-leases.ts";
import { createLocalBuckets } from "./adapters/memory/local-buckets.ts";
import { createMetricCounters } from "./adapters/memory/metric-counters.ts";
import { createRecentSightings } from "./adapters/memory/recent-sightings.ts";
import { createDatabase } from "./adapters/neon/database.ts";
import { createSealer } from "./adapters/sealer.ts";
import type { VaultConnection } from "./adapters/vault/exchange.ts";
import { createStaticSession, createVaultSession, type VaultSessionPort } from "./adapters/vault/session.ts";
import type { Bindings } from "./bindings.ts";
import { now, nowMs, random, sleep } from "./clock.ts";
import { toHex } from "./domain/ids.ts";
import type { VaultSessionObject } from "./domain/ports/secret-store.ts";
import { createSecret, type Secret } from "./domain/secret.ts";
import { type Config, readEnv, type Secrets } from "./env.ts";
import { originsOf } from "./providers/custom.ts";
import { createRegistry, PROVIDERS } from "./providers/registry.ts";

/** No two isolates of a deployment draw the same. */
const SENDER_BYTES = 8;
/** The one object that holds the login to Vault. */
const VAULT_SESSION_NAME = "vault";

/** What outlives a request: values and keys an isolate may keep, never a promise of I/O begun in one request. */
export type Isolate = ReturnType<typeof createIsolate>;
const isolates = new WeakMap<Bindings, Isolate>();

/** What this isolate keeps for that environment; made at its first event. @throws `misconfigured` */
export function findIsolate(env: Bindings): Isolate {
  const isolate = isolates.get(env) ?? createIsolate(env);
  isolates.set(env, isolate);
  return isolate;
}

function createIsolate(env: Bindings) {
  const { config, secrets } = readEnv(env, reportProblems);
  const log = createLog({ level: config.logLevel, secrets: listSecrets(secrets) });
  const isProduction = config.environment === "production";
  const { JWT_SECRET_KEY: secret, JWT_PREVIOUS_SECRET_KEYS: previousSecrets } = secrets;
  const upstream: UpstreamSettings = {
    fetch: (url, init) => fetch(url, init),
    providerOrigins: config.providerOrigins,
    publicUrl: config.publicUrl,
    trustedOrigins: isProduction ? [] : originsOf(secrets.CUSTOM_PROVIDERS),
  };
  return {
    config,
    secrets,
    log,
    database: createDatabase(secrets.DATABASE_URL, secrets.DATABASE_HTTP_URL ?? null, log),
    sealer: createSealer(secrets.CACHE_SEALING_KEYS, random),
    passwords: createPasswordHasher(config.bcryptRounds),
    sessionTokens: createSessionTokens({ secret, previousSecrets, issuer: config.publicUrl, now }),
    identities: createHotIdentities(config.hotCacheSeconds, now),
    hotCredentials: createHotCredentials(config.hotCacheSeconds, nowMs),
    counters: createAuditCounters(),
    sightings: createRecentSightings(),
    metricCounters: createMetricCounters(toHex(random(SENDER_BYTES))),
    publishMetrics: createAnalytics(env.ANALYTICS ?? null),
    leases: createLimitLeases(),
    buckets: createLocalBuckets(),
    providers: createRegistry(secrets.CUSTOM_PROVIDERS),
    providerSettings: textSettings(secrets),
    vaultSession: createSession(env, config, secrets),
    send: createUpstream(upstream),
    stream: createUpstreamStream(upstream),
    postWebhook: createWebhookPost({ ...upstream, allowLoopback: config.allowLoopbackWebhooks }),
  };
}

/** There are no settings to make a log by yet, and nothing secret in what it says. */
function reportProblems(problems: readonly string[]): void {
  createLog({ level: "error", secrets: [] }).error("settings are missing or wrong", { problems });
}

/** Every text the operator gave us to keep, for the log to filter by. */
function listSecrets(secrets: Secrets): readonly Secret<string>[] {
  const ofProviders = secrets.CUSTOM_PROVIDERS.map(({ client_secret }) => client_secret);
  return [...Object.values(secrets).flat(), ...ofProviders].filter(isSecretText);
}

function isSecretText(value: unknown): value is Secret<string> {
  return (
    typeof value === "object" &&
    value !== null &&
    "reveal" in value &&
    typeof value.reveal === "function" &&
    typeof value.reveal() === "string"
  );
}

function createSession(env: Bindings, config: Config, secrets: Secrets): VaultSessionPort {
  if (secrets.VAULT_TOKEN !== undefined) return createStaticSession(secrets.VAULT_TOKEN);
  const object = () => findObject<VaultSessionObject>(env.VAULT_SESSION, VAULT_SESSION_NAME, config.jurisdiction);
  return createVaultSession({ token: () => object().token(), refused: (token) => object().refused(token) }, nowMs);
}

/** How Vault is reached: over the public network, or through a private binding. */
export function createVaultConnection(
  env: Bindings,
  { config, secrets }: { config: Config; secrets: Secrets },
): VaultConnection {
  const { VAULT } = env;
  return {
    fetch: (request) => (VAULT === undefined ? fetch(request) : VAULT.fetch(request)),
    address: secrets.VAULT_ADDR ?? "https://vault",
    namespace: config.vaultNamespace,
    random: Math.random,
    sleep,
    now: nowMs,
  };
}

/** The operator's text settings that a provider names, and our own AWS account, which links show. */
function textSettings(secrets: Secrets): Readonly<Record<string, Secret<string>>> {
  const named = PROVIDERS.flatMap(({ settings, optionalSettings = [] }) => [...settings, ...optionalSettings]);
  const wanted = new Set([...named, "AWS_ACCOUNT_ID"]);
  return Object.fromEntries(
    Object.entries(secrets).flatMap(([name, value]) => {
      if (!wanted.has(name)) return [];
      if (typeof value === "string") return [[name, createSecret(value)]];
      return isSecretText(value) ? [[name, value]] : [];
    }),
  );
}
