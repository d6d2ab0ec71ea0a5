import type { WorkspaceId } from "./ids.ts";
import type { Limit, LimitName } from "./limits.ts";

/** Who may register: anyone, only the first person, or nobody. */
export type Registration = "open" | "first" | "closed";

/** The settings services and routes decide by. Nothing in it is secret. */
export interface Settings {
  readonly environment: "production" | "staging" | "development" | "test";
  /** Our own address without a trailing slash, e.g. `https://aurora.example`. Every link is built from it. */
  readonly publicUrl: string;
  /** Origins a browser may call us from; the first is where a relative `return_to` leads. Never empty. */
  readonly frontendUrls: readonly string[];
  /** Origins of the stand-ins for providers, which a consent may lead to; empty in production. */
  readonly standInOrigins: readonly string[];
  readonly registration: Registration;
  readonly jwtExpiryHours: number;
  readonly vaultMount: string;
  readonly vaultBasePath: string;
  /** How long a sealed copy may live in KV. */
  readonly secretCacheTtlSeconds: number;
  /** How long an isolate may answer from its own memory; 0 = never. */
  readonly hotCacheSeconds: number;
  /** The workspace of whoever runs the deployment: it may read what belongs to no workspace. Null = there is none. */
  readonly operatorWorkspaceId: WorkspaceId | null;
  /** Whether a webhook may lead to this very machine; never in production. */
  readonly allowLoopbackWebhooks: boolean;
  /** How long an audit event is kept. */
  readonly auditRetentionDays: number;
  readonly limits: Readonly<Record<LimitName, Limit>>;
}
