import { z } from "@hono/zod-openapi";
import { CONNECTION_STATUSES, type Connection } from "../domain/connection.ts";
import { type EndWarning, warnOfEnd } from "../domain/credential-end.ts";
import { isComplete, SETUP_STATUSES, type Setup, TOTAL_STEPS } from "../domain/gcp-setup.ts";
import { type EpochSeconds, toRfc3339 } from "../domain/time.ts";
import type { TokenAnswer } from "../services/connections/read-token.ts";

const time = z.string().openapi({ format: "date-time" });

/** How far what was begun after the consent is, in short. */
const SetupSummarySchema = z
  .object({
    status: z.enum(SETUP_STATUSES),
    step: z.int(),
    total_steps: z.int(),
    progress: z.int(),
    complete: z.boolean(),
  })
  .openapi("ConnectionSetup");

/** What a person has to see to before the connection stops working. */
const WarningSchema = z
  .object({
    code: z.enum(["client_secret_expiring", "client_secret_expired"]),
    message: z.string(),
    expires_at: time,
    days_left: z.int(),
  })
  .openapi("ConnectionWarning");

/** A connection as clients see it: never a secret, never where one lives. */
export const ConnectionSchema = z
  .object({
    id: z.string(),
    owner_id: z.string(),
    provider: z.string(),
    account: z.string(),
    label: z.string().nullable(),
    status: z.enum(CONNECTION_STATUSES),
    shared: z.boolean(),
    scopes: z.array(z.string()),
    metadata: z.record(z.string(), z.unknown()),
    expires_at: time.nullable(),
    credential_expires_at: time.nullable().openapi({
      description:
        "When what was given to connect ends (a client secret), which no refresh mends; null when nobody said",
    }),
    warnings: z.array(WarningSchema),
    last_refreshed_at: time.nullable(),
    last_error: z.string().nullable(),
    setup: SetupSummarySchema.optional(),
    created_at: time,
    updated_at: time,
  })
  .openapi("Connection");

export const TokenAnswerSchema = z
  .object({
    connection_id: z.string(),
    provider: z.string(),
    account: z.string(),
    token_data: z.record(z.string(), z.unknown()),
    expires_at: time.nullable(),
    refreshed: z.boolean(),
    version: z.int(),
  })
  .openapi("ConnectionToken");

/** @param setup Of a connection that is prepared after it was made; absent where there is none. */
export function renderConnection(
  connection: Connection,
  now: EpochSeconds,
  setup?: Setup,
): z.infer<typeof ConnectionSchema> {
  const { status } = connection;
  const warning = warnOfEnd(connection.credentialExpiresAt, now);
  return {
    id: connection.id,
    owner_id: connection.ownerId,
    provider: connection.provider,
    account: connection.account,
    label: connection.label,
    // A reserved name is never read back; were it, the account still has to be connected.
    status: status === "connecting" ? "reauth_required" : status,
    shared: connection.shared,
    scopes: [...connection.scopes],
    metadata: connection.metadata,
    expires_at: toRfc3339(connection.expiresAt),
    credential_expires_at: toRfc3339(connection.credentialExpiresAt),
    warnings: warning === null ? [] : [renderWarning(warning)],
    last_refreshed_at: toRfc3339(connection.lastRefreshedAt),
    last_error: connection.lastError,
    ...(setup && { setup: renderSetupSummary(setup) }),
    created_at: toRfc3339(connection.createdAt),
    updated_at: toRfc3339(connection.updatedAt),
  };
}

function renderWarning({ code, message, expiresAt, daysLeft }: EndWarning): z.infer<typeof WarningSchema> {
  return { code, message, expires_at: toRfc3339(expiresAt), days_left: daysLeft };
}

export function renderSetupSummary({ status, step, progress }: Setup): z.infer<typeof SetupSummarySchema> {
  return { status, step, total_steps: TOTAL_STEPS, progress, complete: isComplete(status) };
}

export function renderToken({ connection, credential, refreshed }: TokenAnswer): z.infer<typeof TokenAnswerSchema> {
  return {
    connection_id: connection.id,
    provider: connection.provider,
    account: connection.account,
    token_data: credential.tokenData,
    expires_at: toRfc3339(credential.expiresAt),
    refreshed,
    version: credential.version,
  };
}
