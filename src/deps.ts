import { createAlerts } from "./adapters/alerts.ts";
import { createAuditLog } from "./adapters/audit-log.ts";
import { findObject } from "./adapters/durable-object.ts";
import { createGcpSetupRuns } from "./adapters/gcp-setups.ts";
import { createHandshakes } from "./adapters/handshakes.ts";
import { rewriteForBrowser } from "./adapters/http/find-target.ts";
import { createKeepers, type KeeperRpc } from "./adapters/keepers.ts";
import { createKeySightings } from "./adapters/key-sightings.ts";
import { createCredentialCache } from "./adapters/kv/credential-cache.ts";
import { createLimiter } from "./adapters/limiter.ts";
import { measureAuditEvents } from "./adapters/metrics/measured-audit-events.ts";
import { createVaultTimer, measureSecretStore } from "./adapters/metrics/measured-secret-store.ts";
import { createMetricsToken } from "./adapters/metrics/metrics-token.ts";
import { createSecurityTallies } from "./adapters/metrics/security-tallies.ts";
import { createMetrics } from "./adapters/metrics.ts";
import { createApiKeyStore } from "./adapters/neon/api-keys.ts";
import { createAuditCheckpoints } from "./adapters/neon/audit-checkpoints.ts";
import { createAuditEvents } from "./adapters/neon/audit-events.ts";
import { createAuditPruning } from "./adapters/neon/audit-pruning.ts";
import { createConnectionStore } from "./adapters/neon/connections.ts";
import { createCredentialProver } from "./adapters/neon/credential-prover.ts";
import { createGcpSetupStore } from "./adapters/neon/gcp-setups.ts";
import { createKubectlTokenStore } from "./adapters/neon/kubectl-tokens.ts";
import { createLiveCredentials } from "./adapters/neon/live-credentials.ts";
import { measureDatabase } from "./adapters/neon/measured-database.ts";
import { createRetentionStore } from "./adapters/neon/retention.ts";
import { createSessionStore } from "./adapters/neon/sessions.ts";
import { createUserStore } from "./adapters/neon/users.ts";
import { createDeliveryQueue } from "./adapters/neon/webhook-deliveries.ts";
import { createWebhookStore } from "./adapters/neon/webhooks.ts";
import { createSecretStore } from "./adapters/vault/kv-v2.ts";
import { loginWithAppRole, lookupSelf, renewSelf } from "./adapters/vault/login.ts";
import { createVaultHttp } from "./adapters/vault/vault-http.ts";
import { createWebhookFanOut, createWebhookSenders } from "./adapters/webhook-objects.ts";
import type { Bindings } from "./bindings.ts";
import { now, nowMs, random, sha256, sleep } from "./clock.ts";
import type { AuditLogObject } from "./domain/audit-chain.ts";
import type { AlertsObject } from "./domain/ports/alerts.ts";
import type { HandshakeRpc } from "./domain/ports/handshakes.ts";
import type { MetricsObject, SecurityLogObject } from "./domain/ports/metrics.ts";
import type { FanOutObject, WebhookSenderObject } from "./domain/ports/webhooks.ts";
import { createSecret } from "./domain/secret.ts";
import type { RateLimiterObject } from "./domain/sliding-window.ts";
import { createVaultConnection, findIsolate, type Isolate } from "./isolate.ts";
import type { Deps } from "./services/deps.ts";
import type { VaultSessionDeps } from "./services/vault-session.ts";

/** The one object that adds up what every isolate counts. */
const METRICS_NAME = "deployment";

type Lifetime = Pick<ExecutionContext, "waitUntil"> & Partial<Pick<ExecutionContext, "abort">>;

/**
 * Builds what one event works with: with isolate.ts the only place that names an adapter.
 *
 * @throws `misconfigured` when a setting is missing or wrong.
 */
export function createDeps(env: Bindings, context: Lifetime): Deps {
  const isolate = findIsolate(env);
  const { config, sealer } = isolate;
  const defer = (work: Promise<unknown>) => context.waitUntil(work);
  const find = <Rpc>(namespace: DurableObjectNamespace, name: string) =>
    findObject<Rpc>(namespace, name, config.jurisdiction);
  const findLog = (chain: string) => find<AuditLogObject & SecurityLogObject>(env.AUDIT_LOG, chain);
  const metrics = createIsolateMetrics(env, isolate, context);
  const database = measureDatabase(isolate.database, metrics, nowMs);
  const auditLog = createAuditLog({
    find: findLog,
    counters: isolate.counters,
    metrics,
    defer,
    nowMs,
    sleep,
    random,
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
    metrics,
    metricTotals: metrics,
    securityTallies: createSecurityTallies({
      find: findLog,
      drainAudit: auditLog.drain,
      drainMetrics: metrics.drain,
    }),
    isMetricsToken: createMetricsToken(isolate.secrets.METRICS_TOKEN ?? null, sha256),
    audit: auditLog,
    auditHeads: auditLog,
    alerts: createAlerts(
      (chain) => find<AlertsObject>(env.AUDIT_LOG, chain),
      () => context.abort?.("a client that was closed does not answer"),
    ),
    keySightings: createKeySightings({ find: findLog, recent: isolate.sightings, defer, nowMs }),
    auditCheckpoints: createAuditCheckpoints(database),
    auditPruning: createAuditPruning(database),
    auditEvents: measureAuditEvents(createAuditEvents(database), metrics),
    limiter: createLimiter({
      find: (name) => find<RateLimiterObject>(env.RATE_LIMITER, name),
      limits: config.limits,
      sha256,
      nowMs,
      leases: isolate.leases,
      buckets: isolate.buckets,
      metrics,
    }),
    prover: createCredentialProver(database),
    liveCredentials: createLiveCredentials(database),
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
    secrets: measureSecretStore(
      createSecretStore(createVaultHttp({ ...createVaultConnection(env, isolate), session: isolate.vaultSession })),
      createVaultTimer(metrics, nowMs),
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
    retention: createRetentionStore(database),
    gcpSetups: createGcpSetupStore(database),
    gcpSetupRuns: createGcpSetupRuns(env.GCP_SETUP),
    webhooks: createWebhookStore(database),
    webhookDeliveries: createDeliveryQueue(database),
    webhookFanOut: createWebhookFanOut((workspaceId) => find<FanOutObject>(env.AUDIT_LOG, workspaceId)),
    webhookSenders: createWebhookSenders((id) => find<WebhookSenderObject>(env.WEBHOOK_SENDER, id), isolate.log),
    postWebhook: isolate.postWebhook,
  };
}

/** How the `VaultSession` object logs in. @throws `misconfigured` */
export function createVaultLogins(env: Bindings, context: Lifetime): VaultSessionDeps {
  const isolate = findIsolate(env);
  const connection = createVaultConnection(env, isolate);
  const time = createVaultTimer(createIsolateMetrics(env, isolate, context), nowMs);
  const { VAULT_ROLE_ID: roleId = "", VAULT_SECRET_ID: secretId = createSecret("") } = isolate.secrets;
  return {
    login: () => time("login", () => loginWithAppRole({ ...connection, roleId, secretId })),
    renew: (token) => time("renew", () => renewSelf(connection, token)),
    isKnown: (token) => time("lookup", async () => (await lookupSelf(connection, token)) !== null),
    now,
  };
}

/** The isolate's counters, drained as part of this event. */
function createIsolateMetrics(env: Bindings, { config, metricCounters, publishMetrics }: Isolate, context: Lifetime) {
  const find = <Rpc>(namespace: DurableObjectNamespace, name: string) =>
    findObject<Rpc>(namespace, name, config.jurisdiction);
  return createMetrics({
    find: () => find<MetricsObject>(env.METRICS, METRICS_NAME),
    tellFailures: (chain, times) => find<SecurityLogObject>(env.AUDIT_LOG, chain).noteDatabaseFailures(times),
    publish: publishMetrics,
    counters: metricCounters,
    defer: (work) => context.waitUntil(work),
    nowMs,
    sleep,
  });
}
