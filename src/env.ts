import { z } from "zod";
import type { Bindings } from "./bindings.ts";
import { AppError } from "./domain/errors.ts";
import { DEFAULT_LIMITS } from "./domain/limits.ts";
import { LOG_LEVELS, type LogLevel } from "./domain/ports/log.ts";
import { AUDIT_RETENTION_DAYS } from "./domain/retention.ts";
import { createSecret } from "./domain/secret.ts";
import type { Settings } from "./domain/settings.ts";
import { DEFAULT_USAGE_THRESHOLDS, type UsageThresholds, usageOverrides } from "./domain/usage.ts";
import { type CustomProviderSettings, customProviderSettings } from "./providers/custom-settings.ts";
import {
  integer,
  jsonSetting,
  limitOverrides,
  originMap,
  sealingKeys,
  seedLimit,
  url,
  urlList,
  workspaceId,
} from "./setting-parsers.ts";

/** The value `.dev.vars.example` shows; a deployment that kept it is refused. */
const EXAMPLE_JWT_SECRET = "replace-me-with-32-or-more-random-characters";
const JWT_SECRET_MIN_CHARACTERS = 32;
const METRICS_TOKEN_MIN_CHARACTERS = 32;
const MAX_JWT_EXPIRY_HOURS = 24 * 30;
/** The seed's range is 10 to 12; tests, which hash hundreds of times, may go down to bcrypt's own minimum. */
const MIN_BCRYPT_ROUNDS = 10;
const TEST_BCRYPT_ROUNDS = 4;
/** The seed caches a secret for an hour, and promises nothing older than five seconds from an isolate's memory. */
const DEFAULT_CACHE_TTL_SECONDS = 3600;
const MAX_HOT_CACHE_SECONDS = 5;

const text = z.string().min(1);
const secretText = text.transform(createSecret<string>);
const jwtSecret = text
  .min(JWT_SECRET_MIN_CHARACTERS)
  .refine((value) => value !== EXAMPLE_JWT_SECRET, "is the example's")
  .transform(createSecret<string>);
const jwtSecrets = text.transform((keys) => keys.split(",").filter((key) => key !== "")).pipe(z.array(jwtSecret));

const ConfigSchema = z.object({
  ENVIRONMENT: z.enum(["production", "staging", "development", "test"]).default("production"),
  PUBLIC_URL: url,
  FRONTEND_URL: urlList.optional(),
  REGISTRATION: z.enum(["open", "first", "closed"]).default("first"),
  VAULT_NAMESPACE: text.optional(),
  VAULT_KV_MOUNT: text.default("aurora"),
  VAULT_KV_BASE_PATH: text.default("users"),
  JWT_EXPIRY_HOURS: integer(1, MAX_JWT_EXPIRY_HOURS).default(24),
  BCRYPT_ROUNDS: integer(TEST_BCRYPT_ROUNDS, 12).default(MIN_BCRYPT_ROUNDS),
  SECRET_CACHE_TTL_SECONDS: integer(60, 86_400).default(DEFAULT_CACHE_TTL_SECONDS),
  HOT_CACHE_SECONDS: integer(0, MAX_HOT_CACHE_SECONDS).default(MAX_HOT_CACHE_SECONDS),
  RATE_LIMITS: jsonSetting(limitOverrides).default({}),
  RATELIMIT_DEFAULT: seedLimit.optional(),
  OPERATOR_WORKSPACE_ID: workspaceId.optional(),
  USAGE_THRESHOLDS: jsonSetting(usageOverrides).default({}),
  DO_JURISDICTION: z.enum(["eu", "fedramp"]).optional(),
  WEBHOOK_ALLOW_LOOPBACK: z.enum(["true", "false"]).default("false"),
  PROVIDER_ORIGINS: jsonSetting(originMap).default({}),
  AUDIT_RETENTION_DAYS: integer(AUDIT_RETENTION_DAYS.min, AUDIT_RETENTION_DAYS.max).default(
    AUDIT_RETENTION_DAYS.default,
  ),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
});

const SecretsSchema = z.object({
  DATABASE_URL: text.regex(/^postgres(ql)?:\/\//, "must be a postgres:// URL").transform(createSecret<string>),
  DATABASE_HTTP_URL: url.optional(),
  VAULT_ADDR: url.optional(),
  VAULT_TOKEN: secretText.optional(),
  VAULT_ROLE_ID: text.optional(),
  VAULT_SECRET_ID: secretText.optional(),
  JWT_SECRET_KEY: jwtSecret,
  JWT_PREVIOUS_SECRET_KEYS: jwtSecrets.default([]),
  CACHE_SEALING_KEYS: sealingKeys,
  // One token of a header: a space or a comma could never be presented.
  METRICS_TOKEN: text
    .min(METRICS_TOKEN_MIN_CHARACTERS)
    .regex(/^[^\s,]+$/, "must not hold spaces or commas")
    .transform(createSecret<string>)
    .optional(),
  CUSTOM_PROVIDERS: jsonSetting(customProviderSettings).default([]),
  GCP_CLIENT_ID: text.optional(),
  GCP_CLIENT_SECRET: secretText.optional(),
  AWS_ACCESS_KEY_ID: text.optional(),
  AWS_SECRET_ACCESS_KEY: secretText.optional(),
  AWS_ACCOUNT_ID: text.regex(/^\d{12}$/, "must be the 12 digits of an account").optional(),
  SLACK_CLIENT_ID: text.optional(),
  SLACK_CLIENT_SECRET: secretText.optional(),
  BITBUCKET_CLIENT_ID: text.optional(),
  BITBUCKET_CLIENT_SECRET: secretText.optional(),
  OVH_EU_CLIENT_ID: text.optional(),
  OVH_EU_CLIENT_SECRET: secretText.optional(),
  OVH_CA_CLIENT_ID: text.optional(),
  OVH_CA_CLIENT_SECRET: secretText.optional(),
  OVH_US_CLIENT_ID: text.optional(),
  OVH_US_CLIENT_SECRET: secretText.optional(),
});

/** Parsed settings, safe to log. */
export interface Config extends Settings {
  readonly bcryptRounds: number;
  readonly vaultNamespace: string | null;
  readonly jurisdiction: "eu" | "fedramp" | null;
  /** When use counts as abnormal; for the audit log. */
  readonly usageThresholds: UsageThresholds;
  readonly logLevel: LogLevel;
  /** Real origin → where it is played instead; empty in production. */
  readonly providerOrigins: Readonly<Record<string, string>>;
}

/** Parsed secrets: for deps.ts alone. */
export type Secrets = Readonly<z.infer<typeof SecretsSchema>>;

/**
 * Called by every entry point (fetch, scheduled, each Durable Object) before anything else.
 *
 * @param report Hears which settings are missing or wrong: names and rules, never a value.
 * @throws `misconfigured` when one is.
 */
export function readEnv(
  env: Bindings,
  report: (problems: readonly string[]) => void,
): { readonly config: Config; readonly secrets: Secrets } {
  const given = withoutEmpty(env);
  const parsed = z
    .object({ config: ConfigSchema, secrets: SecretsSchema })
    .safeParse({ config: given, secrets: given });
  if (!parsed.success)
    refuse(
      report,
      parsed.error.issues.map((issue) => `${String(issue.path[1])} ${issue.message}`),
    );
  const { config, secrets } = parsed.data;
  const problems = findContradictions(config, secrets, env.VAULT !== undefined);
  if (problems.length > 0) refuse(report, problems);
  return { config: toConfig(config), secrets };
}

function toConfig(raw: z.infer<typeof ConfigSchema>): Config {
  const limits = { ...DEFAULT_LIMITS, ...(raw.RATELIMIT_DEFAULT && { principal: raw.RATELIMIT_DEFAULT }) };
  return {
    environment: raw.ENVIRONMENT,
    publicUrl: raw.PUBLIC_URL,
    frontendUrls: raw.FRONTEND_URL ?? [new URL(raw.PUBLIC_URL).origin],
    standInOrigins: [...new Set(Object.values(raw.PROVIDER_ORIGINS).map((stand) => new URL(stand).origin))],
    registration: raw.REGISTRATION,
    jwtExpiryHours: raw.JWT_EXPIRY_HOURS,
    vaultMount: raw.VAULT_KV_MOUNT,
    vaultBasePath: raw.VAULT_KV_BASE_PATH,
    secretCacheTtlSeconds: raw.SECRET_CACHE_TTL_SECONDS,
    hotCacheSeconds: raw.HOT_CACHE_SECONDS,
    operatorWorkspaceId: raw.OPERATOR_WORKSPACE_ID ?? null,
    allowLoopbackWebhooks: raw.WEBHOOK_ALLOW_LOOPBACK === "true",
    auditRetentionDays: raw.AUDIT_RETENTION_DAYS,
    limits: { ...limits, ...raw.RATE_LIMITS },
    usageThresholds: { ...DEFAULT_USAGE_THRESHOLDS, ...raw.USAGE_THRESHOLDS },
    bcryptRounds: raw.BCRYPT_ROUNDS,
    vaultNamespace: raw.VAULT_NAMESPACE ?? null,
    jurisdiction: raw.DO_JURISDICTION ?? null,
    providerOrigins: raw.PROVIDER_ORIGINS,
    logLevel: raw.LOG_LEVEL,
  };
}

/** What each setting allows alone and the deployment does not. */
function findContradictions(
  config: z.infer<typeof ConfigSchema>,
  secrets: Secrets,
  hasVaultBinding: boolean,
): readonly string[] {
  const isProduction = config.ENVIRONMENT === "production";
  const hasAppRole = secrets.VAULT_ROLE_ID !== undefined && secrets.VAULT_SECRET_ID !== undefined;
  const isPlain = (address: string | undefined) => address?.startsWith("http://") === true;
  const sealing = secrets.CACHE_SEALING_KEYS.map((key) => btoa(String.fromCharCode(...key.reveal())));
  const rules: readonly (readonly [boolean, string])[] = [
    [
      config.BCRYPT_ROUNDS < MIN_BCRYPT_ROUNDS && config.ENVIRONMENT !== "test",
      `BCRYPT_ROUNDS must be at least ${MIN_BCRYPT_ROUNDS}`,
    ],
    [isProduction && Object.keys(config.PROVIDER_ORIGINS).length > 0, "PROVIDER_ORIGINS is refused in production"],
    [isProduction && config.WEBHOOK_ALLOW_LOOPBACK === "true", "WEBHOOK_ALLOW_LOOPBACK is refused in production"],
    [isProduction && isPlain(config.PUBLIC_URL), "PUBLIC_URL must be https in production"],
    [isProduction && isPlain(secrets.DATABASE_HTTP_URL), "DATABASE_HTTP_URL must be https in production"],
    [isProduction && isPlain(secrets.VAULT_ADDR) && !hasVaultBinding, "VAULT_ADDR must be https in production"],
    [isProduction && secrets.CUSTOM_PROVIDERS.some(hasPlainPage), "CUSTOM_PROVIDERS must be https in production"],
    [secrets.VAULT_ADDR === undefined && !hasVaultBinding, "VAULT_ADDR is missing"],
    [secrets.VAULT_TOKEN === undefined && !hasAppRole, "VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, is missing"],
    [sealing.includes(secrets.JWT_SECRET_KEY.reveal()), "JWT_SECRET_KEY must not be a sealing key"],
  ];
  return rules.flatMap(([isBroken, sentence]) => (isBroken ? [sentence] : []));
}

/** A browser is sent to these two, past the guard of our own calls. */
function hasPlainPage({ authorization_endpoint = "", issuer = "" }: CustomProviderSettings): boolean {
  return authorization_endpoint.startsWith("http://") || issuer.startsWith("http://");
}

/** An empty setting counts as unset, as `.dev.vars` files and dashboards leave them. */
function withoutEmpty(env: Bindings): Record<string, unknown> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
}

function refuse(report: (problems: readonly string[]) => void, problems: readonly string[]): never {
  report(problems);
  throw new AppError("misconfigured", "The service is not configured; its log says which setting is missing or wrong.");
}
