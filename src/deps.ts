import { createAuditLog } from "./adapters/audit-log.ts";
import { findObject } from "./adapters/durable-object.ts";
import { createGcpSetupRuns } from "./adapters/gcp-setups.ts";
import { createHandshakes } from "./adapters/handshakes.ts";
import { rewriteForBrowser } from "./adapters/http/find-target.ts";
import { createKeepers, type KeeperRpc } from "./adapters/keepers.ts";
import { createKeySightings } from "./adapters/key-sightings.ts";
import { createCredentialCache } from "./adapters/kv/credential-cache.ts";
import { createLimiter } from "./adapters/limiter.ts";
import { createApiKeyStore } from "./adapters/neon/api-keys.ts";
import { createAuditCheckpoints } from "./adapters/neon/audit-checkpoints.ts";
import { createAuditEvents } from "./adapters/neon/audit-events.ts";
import { createAuditPruning } from "./adapters/neon/audit-pruning.ts";
import { createConnectionStore } from "./adapters/neon/connections.ts";
import { createCredentialProver } from "./adapters/neon/credential-prover.ts";
import { createGcpSetupStore } from "./adapters/neon/gcp-setups.ts";
import { createKubectlTokenStore } from "./adapters/neon/kubectl-tokens.ts";
import { createSessionStore } from "./adapters/neon/sessions.ts";
import { createUserStore } from "./adapters/neon/users.ts";
import { createSecretStore } from "./adapters/vault/kv-v2.ts";
import { loginWithAppRole, lookupSelf, renewSelf } from "./adapters/vault/login.ts";
import { createVaultHttp } from "./adapters/vault/vault-http.ts";
import type { Bindings } from "./bindings.ts";
import { now, nowMs, random, sha256, sleep } from "./clock.ts";
import type { AuditLogObject } from "./domain/audit-chain.ts";
import type { HandshakeRpc } from "./domain/ports/handshakes.ts";
import { createSecret } from "./domain/secret.ts";
import type { RateLimiterObject } from "./domain/sliding-window.ts";
import { createVaultConnection, findIsolate } from "./isolate.ts";
import type { Deps } from "./services/deps.ts";
import type { VaultSessionDeps } from "./services/vault-session.ts";

/**
 * Builds what one event works with: with isolate.ts the only place that names an adapter.
 *
 * @throws `misconfigured` when a setting is missing or wrong.
 */
export function createDeps(env: Bindings, context: Pick<ExecutionContext, "waitUntil">): Deps {
  const isolate = findIsolate(env);
  const { config, database, sealer } = isolate;
  const defer = (work: Promise<unknown>) => context.waitUntil(work);
  const find = <Rpc>(namespace: DurableObjectNamespace, name: string) =>
    findObject<Rpc>(namespace, name, config.jurisdiction);
  const findLog = (chain: string) => find<AuditLogObject>(env.AUDIT_LOG, chain);
  const auditLog = createAuditLog({
    find: findLog,
    counters: isolate.counters,
    defer,
    nowMs,
    sleep,
    log: isolate.log,
  });
  return {
    settings: config,
    now,
    nowMs,
    random,
    sha256,
    sleep,
    defer,
    log: isolate.log,
    audit: auditLog,
    auditHeads: auditLog,
    auditEvents: createAuditEvents(database),
    keySightings: createKeySightings({ find: findLog, recent: isolate.sightings, defer, nowMs }),
    auditCheckpoints: createAuditCheckpoints(database),
    auditPruning: createAuditPruning(database),
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
    usageThresholds: config.usageThresholds,
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
  const { config, secrets } = findIsolate(env);
  const connection = createVaultConnection(env, { config, secrets });
  const { VAULT_ROLE_ID: roleId = "", VAULT_SECRET_ID: secretId = createSecret("") } = secrets;
  return {
    login: () => loginWithAppRole({ ...connection, roleId, secretId }),
    renew: (token) => renewSelf(connection, token),
    isKnown: async (token) => (await lookupSelf(connection, token)) !== null,
    now,
  };
}
