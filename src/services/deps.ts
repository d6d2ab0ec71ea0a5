import type { AuditCheckpointStore, AuditEventStore, AuditHeads, AuditPruning } from "../domain/audit-chain.ts";
import type { Alerts, LiveCredentials } from "../domain/ports/alerts.ts";
import type { AuditLog } from "../domain/ports/audit-log.ts";
import type { Now, RandomBytes } from "../domain/ports/clock.ts";
import type { ConnectionStore } from "../domain/ports/connection-store.ts";
import type { CredentialCache, HotCredentials } from "../domain/ports/credential-cache.ts";
import type { GcpSetupRuns, GcpSetupStore } from "../domain/ports/gcp-setups.ts";
import type { Handshakes } from "../domain/ports/handshakes.ts";
import type { CredentialProver, IdentityMemory, PasswordHasher, SessionTokens } from "../domain/ports/identity.ts";
import type { ApiKeyStore, KubectlTokenStore, SessionStore, UserStore } from "../domain/ports/identity-stores.ts";
import type { Keepers } from "../domain/ports/keepers.ts";
import type { KeySightings } from "../domain/ports/key-sightings.ts";
import type { Limiter } from "../domain/ports/limiter.ts";
import type { Log } from "../domain/ports/log.ts";
import type { Metrics, MetricTotals, SecurityTallies } from "../domain/ports/metrics.ts";
import type { Sealer } from "../domain/ports/sealer.ts";
import type { SecretStore } from "../domain/ports/secret-store.ts";
import type { SendUpstream, StreamUpstream } from "../domain/ports/upstream.ts";
import type {
  DeliveryQueue,
  PostWebhook,
  WebhookFanOut,
  WebhookSenders,
  WebhookStore,
} from "../domain/ports/webhooks.ts";
import type { RetentionStore } from "../domain/retention.ts";
import type { Secret } from "../domain/secret.ts";
import type { Settings } from "../domain/settings.ts";
import type { UsageThresholds } from "../domain/usage.ts";
import type { ProviderRegistry } from "../providers/provider.ts";

/** Everything a service may ask for. A service takes `Pick<Deps, …>` of it. */
export interface Deps {
  readonly settings: Settings;
  readonly now: Now;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly random: RandomBytes;
  /** SHA-256 of text, in lower-case hex. */
  readonly sha256: (text: string) => Promise<string>;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Lets work outlive the response. */
  readonly defer: (work: Promise<unknown>) => void;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly metricTotals: MetricTotals;
  readonly securityTallies: SecurityTallies;
  /** True for the operator's `METRICS_TOKEN`, compared in constant time; for nothing when it is not set. */
  readonly isMetricsToken: (presented: string) => Promise<boolean>;
  readonly audit: AuditLog;
  readonly auditEvents: AuditEventStore;
  readonly auditCheckpoints: AuditCheckpointStore;
  readonly auditPruning: AuditPruning;
  readonly auditHeads: AuditHeads;
  readonly alerts: Alerts;
  readonly keySightings: KeySightings;
  readonly limiter: Limiter;
  readonly prover: CredentialProver;
  readonly liveCredentials: LiveCredentials;
  readonly identities: IdentityMemory;
  readonly passwords: PasswordHasher;
  readonly sessionTokens: SessionTokens;
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly apiKeys: ApiKeyStore;
  readonly kubectlTokens: KubectlTokenStore;
  readonly sealer: Sealer;
  readonly send: SendUpstream;
  readonly stream: StreamUpstream;
  /** Where a consent page is to be opened: the real address, or its stand-in outside production. */
  readonly browserUrl: (url: URL) => URL;
  readonly providers: ProviderRegistry;
  /** The operator's settings for providers, by name; see `Provider.settings`. */
  readonly providerSettings: Readonly<Record<string, Secret<string>>>;
  /** When use counts as abnormal. */
  readonly usageThresholds: UsageThresholds;
  readonly secrets: SecretStore;
  readonly connections: ConnectionStore;
  readonly credentialCache: CredentialCache;
  readonly hotCredentials: HotCredentials;
  readonly keepers: Keepers;
  readonly handshakes: Handshakes;
  readonly retention: RetentionStore;
  readonly gcpSetups: GcpSetupStore;
  readonly gcpSetupRuns: GcpSetupRuns;
  readonly webhooks: WebhookStore;
  readonly webhookDeliveries: DeliveryQueue;
  readonly webhookFanOut: WebhookFanOut;
  readonly webhookSenders: WebhookSenders;
  readonly postWebhook: PostWebhook;
}
