import { createAuditLog } from "./adapters/audit-log.ts";
import { createPasswordHasher } from "./adapters/bcrypt.ts";
import { findObject } from "./adapters/durable-object.ts";
import { createGcpSetupRuns } from "./adapters/gcp-setups.ts";
import { createHandshakes } from "./adapters/handshakes.ts";
import { createUpstreamStream } from "./adapters/http/upstream-stream.ts";
import { createUpstream, rewriteForBrowser, type UpstreamSettings } from "./adapters/http.ts";
import { createSessionTokens } from "./adapters/jwt.ts";
import { createKeepers, type KeeperRpc } from "./adapters/keepers.ts";
import { createCredentialCache } from "./adapters/kv/credential-cache.ts";
import { createLimiter } from "./adapters/limiter.ts";
import { createAuditCounters } from "./adapters/memory/audit-counters.ts";
import { createHotCredentials } from "./adapters/memory/hot-credentials.ts";
import { createHotIdentities } from "./adapters/memory/hot-identities.ts";
import { createLimitLeases } from "./adapters/memory/limit-leases.ts";
import { createLocalBuckets } from "./adapters/memory/local-buckets.ts";
import { createApiKeyStore } from "./adapters/neon/api-keys.ts";
import { createAuditEvents } from "./adapters/neon/audit-events.ts";
import { createConnectionStore } from "./adapters/neon/connections.ts";
import { createCredentialProver } from "./adapters/neon/credential-prover.ts";
import { createDatabase } from "./adapters/neon/database.ts";
import { createGcpSetupStore } from "./adapters/neon/gcp-setups.ts";
import { createKubectlTokenStore } from "./adapters/neon/kubectl-tokens.ts";
import { createSessionStore } from "./adapters/neon/sessions.ts";
import { createUserStore } from "./adapters/neon/users.ts";
import { createSealer } from "./adapters/sealer.ts";
import type { VaultConnection } from "./adapters/vault/exchange.ts";
import { createSecretStore } from "./adapters/vault/kv-v2.ts";
import { loginWithAppRole, lookupSelf, renewSelf } from "./adapters/vault/login.ts";
import { createStaticSession, createVaultSession, type VaultSessionPort } from "./adapters/vault/session.ts";
import { createVaultHttp } from "./adapters/vault/vault-http.ts";
import type { Bindings } from "./bindings.ts";
import type { AuditLogObject } from "./domain/audit-chain.ts";
import { toHex } from "./domain/ids.ts";
import type { HandshakeRpc } from "./domain/ports/handshakes.ts";
import type { VaultSessionObject } from "./domain/ports/secret-store.ts";
import type { RateLimiterObject } from "./domain/sliding-window.ts";
import { epochSeconds } from "./domain/time.ts";
import { type Config, readEnv, type Secrets } from "./env.ts";
import { originsOf } from "./providers/custom.ts";
import { createRegistry, PROVIDERS } from "./providers/registry.ts";
import type { Deps } from "./services/deps.ts";
import type { VaultSessionDeps } from "./services/vault-session.ts";

/** The one object that holds the login to Vault. */
const VAULT_SESSION_NAME = "vault";

/** What outlives a request: values and keys an isolate may keep, never a promise of I/O begun in one request. */
type Isolate = ReturnType<typeof createIsolate>;
const isolates = new WeakMap<Bindings, Isolate>();

/**
 * Builds what one event works with: the only place that names every adapter.
 *
 * @throws `misconfigured` when a setting is missing or wrong.
 */
export function createDeps(env: Bindings, context: Pick<ExecutionContext, "waitUntil">): Deps {
  const isolate = isolates.get(env) ?? createIsolate(env);
  isolates.set(env, isolate);
  const { config, database, sealer } = isolate;
  const defer = (work: Promise<unknown>) => context.waitUntil(work);
  const find = <Rpc>(namespace: DurableObjectNamespace, name: string) =>
    findObject<Rpc>(namespace, name, config.jurisdiction);
  const auditLog = createAuditLog({
    find: (chain) => find<AuditLogObject>(env.AUDIT_LOG, chain),
    counters: isolate.counters,
    defer,
    nowMs,
    sleep,
  });
  return {
    settings: config,
    now,
    random,
    sha256,
    sleep,
    defer,
    audit: auditLog,
    auditHeads: auditLog,
    auditEvents: createAuditEvents(database),
    limiter: createLimiter({
      find: (name) => find<RateLimiterObject>(env.RATE_LIMITER, name),
      limits: config.limits,
      sha256,
      nowMs,
      leases: isolate.leases,
      buckets: isolate.buckets,
    }),
    prover: createCredentialProver(database),
    identities: isolate.identities,
    passwords: isolate.passwords,
    sessionTokens: isolate.sessionTokens,
    users: createUserStore(database),
    sessions: createSessionStore(database),
    apiKeys: createApiKeyStore(database),
    kubectlTokens: createKubectlTokenStore(database),
    sealer,
    send: isolate.send,
    stream: isolate.stream,
    browserUrl: (url) => rewriteForBrowser(url, config.providerOrigins),
    providers: isolate.providers,
    providerSettings: isolate.providerSettings,
    secrets: createSecretStore(
      createVaultHttp({ ...createVaultConnection(env, isolate), session: isolate.vaultSession }),
    ),
    connections: createConnectionStore(database),
    credentialCache: createCredentialCache({
      kv: env.SECRET_CACHE,
      sealer,
      now,
      ttlSeconds: config.secretCacheTtlSeconds,
    }),
    hotCredentials: isolate.hotCredentials,
    keepers: createKeepers((id) => find<KeeperRpc>(env.CONNECTION_KEEPER, id)),
    handshakes: createHandshakes((id) => find<HandshakeRpc>(env.OAUTH_HANDSHAKE, id)),
    gcpSetups: createGcpSetupStore(database),
    gcpSetupRuns: createGcpSetupRuns(env.GCP_SETUP),
  };
}

/** How the `VaultSession` object logs in. @throws `misconfigured` */
export function createVaultLogins(env: Bindings): VaultSessionDeps {
  const { config, secrets } = readEnv(env);
  const connection = createVaultConnection(env, { config, secrets });
  const { VAULT_ROLE_ID: roleId = "", VAULT_SECRET_ID: secretId = "" } = secrets;
  return {
    login: () => loginWithAppRole({ ...connection, roleId, secretId }),
    renew: (token) => renewSelf(connection, token),
    isKnown: async (token) => (await lookupSelf(connection, token)) !== null,
    now,
  };
}

function createIsolate(env: Bindings) {
  const { config, secrets } = readEnv(env);
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
    database: createDatabase(secrets.DATABASE_URL, secrets.DATABASE_HTTP_URL ?? null),
    sealer: createSealer(secrets.CACHE_SEALING_KEYS, random),
    passwords: createPasswordHasher(config.bcryptRounds),
    sessionTokens: createSessionTokens({ secret, previousSecrets, issuer: config.publicUrl, now }),
    identities: createHotIdentities(config.hotCacheSeconds, now),
    hotCredentials: createHotCredentials(config.hotCacheSeconds, nowMs),
    counters: createAuditCounters(),
    leases: createLimitLeases(),
    buckets: createLocalBuckets(),
    providers: createRegistry(secrets.CUSTOM_PROVIDERS),
    providerSettings: textSettings(secrets),
    vaultSession: createSession(env, config, secrets),
    send: createUpstream(upstream),
    stream: createUpstreamStream(upstream),
  };
}

function createSession(env: Bindings, config: Config, secrets: Secrets): VaultSessionPort {
  if (secrets.VAULT_TOKEN !== undefined) return createStaticSession(secrets.VAULT_TOKEN);
  const object = () => findObject<VaultSessionObject>(env.VAULT_SESSION, VAULT_SESSION_NAME, config.jurisdiction);
  return createVaultSession({ token: () => object().token(), refused: (token) => object().refused(token) }, nowMs);
}

function createVaultConnection(
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
function textSettings(secrets: Secrets): Readonly<Record<string, string>> {
  const named = PROVIDERS.flatMap(({ settings, optionalSettings = [] }) => [...settings, ...optionalSettings]);
  const wanted = new Set([...named, "AWS_ACCOUNT_ID"]);
  return Object.fromEntries(
    Object.entries(secrets).flatMap(([name, value]) =>
      typeof value === "string" && wanted.has(name) ? [[name, value]] : [],
    ),
  );
}

function now() {
  return epochSeconds(Date.now() / 1000);
}

/** The clock of objects that need nothing else. */
export function nowMs(): number {
  return Date.now();
}

function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}

async function sha256(text: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function sleep(milliseconds: number): Promise<void> {
  return scheduler.wait(milliseconds);
}
