/** What the runtime hands every entry point: the text settings by name, and the bound services. */
export interface Bindings extends Readonly<Partial<Record<SettingName, string>>> {
  readonly SECRET_CACHE: KVNamespace;
  readonly CONNECTION_KEEPER: DurableObjectNamespace;
  readonly RATE_LIMITER: DurableObjectNamespace;
  readonly AUDIT_LOG: DurableObjectNamespace;
  readonly OAUTH_HANDSHAKE: DurableObjectNamespace;
  readonly VAULT_SESSION: DurableObjectNamespace;
  readonly METRICS: DurableObjectNamespace;
  readonly WEBHOOK_SENDER: DurableObjectNamespace;
  readonly GCP_SETUP: Workflow;
  /** A Workers VPC service or an mTLS certificate: replaces the public fetch to Vault. */
  readonly VAULT?: Fetcher;
  /** Gets a copy of every metric, to be asked with SQL. */
  readonly ANALYTICS?: AnalyticsEngineDataset;
}

/** Every text setting there is; `.dev.vars.example` explains each, and the start script passes exactly these on. */
export const SETTING_NAMES = [
  "ENVIRONMENT",
  "PUBLIC_URL",
  "FRONTEND_URL",
  "REGISTRATION",
  "DATABASE_URL",
  "DATABASE_HTTP_URL",
  "VAULT_ADDR",
  "VAULT_TOKEN",
  "VAULT_ROLE_ID",
  "VAULT_SECRET_ID",
  "VAULT_NAMESPACE",
  "VAULT_KV_MOUNT",
  "VAULT_KV_BASE_PATH",
  "JWT_SECRET_KEY",
  "JWT_PREVIOUS_SECRET_KEYS",
  "JWT_EXPIRY_HOURS",
  "BCRYPT_ROUNDS",
  "CACHE_SEALING_KEYS",
  "SECRET_CACHE_TTL_SECONDS",
  "HOT_CACHE_SECONDS",
  "RATE_LIMITS",
  "RATELIMIT_DEFAULT",
  "USAGE_THRESHOLDS",
  "DO_JURISDICTION",
  "WEBHOOK_ALLOW_LOOPBACK",
  "OPERATOR_WORKSPACE_ID",
  "AUDIT_RETENTION_DAYS",
  "LOG_LEVEL",
  "METRICS_TOKEN",
  "PROVIDER_ORIGINS",
  "CUSTOM_PROVIDERS",
  "GCP_CLIENT_ID",
  "GCP_CLIENT_SECRET",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_ACCOUNT_ID",
  "SLACK_CLIENT_ID",
  "SLACK_CLIENT_SECRET",
  "BITBUCKET_CLIENT_ID",
  "BITBUCKET_CLIENT_SECRET",
  "OVH_EU_CLIENT_ID",
  "OVH_EU_CLIENT_SECRET",
  "OVH_CA_CLIENT_ID",
  "OVH_CA_CLIENT_SECRET",
  "OVH_US_CLIENT_ID",
  "OVH_US_CLIENT_SECRET",
] as const;
export type SettingName = (typeof SETTING_NAMES)[number];
