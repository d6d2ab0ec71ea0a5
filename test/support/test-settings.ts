import { DEFAULT_LIMITS } from "../../src/domain/limits.ts";
import type { Settings } from "../../src/domain/settings.ts";

/** Settings for services that are tested without an environment. */
export const TEST_SETTINGS: Settings = {
  environment: "test",
  publicUrl: "https://aurora.example",
  frontendUrls: ["https://app.example"],
  standInOrigins: [],
  registration: "open",
  jwtExpiryHours: 24,
  vaultMount: "aurora",
  vaultBasePath: "users",
  secretCacheTtlSeconds: 3600,
  hotCacheSeconds: 5,
  allowLoopbackWebhooks: false,
  operatorWorkspaceId: null,
  auditRetentionDays: 365,
  limits: DEFAULT_LIMITS,
};
