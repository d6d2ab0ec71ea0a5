import { createDatabase } from "../src/adapters/neon/database.ts";
import { createRetentionStore } from "../src/adapters/neon/retention.ts";
import type { RetentionLine } from "../src/domain/retention.ts";
import { createSecret } from "../src/domain/secret.ts";
import { planRetention } from "../src/services/retention/plan-retention.ts";
import { startPostgres } from "./postgres/server.ts";

type Plan = readonly RetentionLine[];

const NEON_HOST = /\.neon\.tech$/;
/** SQLSTATE undefined_function. */
const NO_SUCH_FUNCTION = "42883";

/** Which database, as the Worker's role. */
export interface RetentionDatabase {
  readonly url: string;
  /** Where Neon's HTTP protocol is spoken before it; null = nowhere yet, or by Neon itself. */
  readonly httpUrl: string | null;
}

/**
 * What the Worker's own plan says now of that database.
 *
 * @param auditRetentionDays For how long audit events are kept.
 * @throws Error in one sentence.
 */
export async function readPlan({ url, httpUrl }: RetentionDatabase, auditRetentionDays: number): Promise<Plan> {
  if (!URL.canParse(url)) throw new Error("DATABASE_URL must be a postgres:// URL.");
  if (httpUrl !== null || NEON_HOST.test(new URL(url).hostname)) return await plan(url, httpUrl, auditRetentionDays);
  // A server that is not Neon does not speak its HTTP protocol.
  const gateway = await startPostgres({ port: 0, dataDir: null, upstream: url });
  try {
    return await plan(url, `${gateway.address}/sql`, auditRetentionDays);
  } finally {
    await gateway.stop();
  }
}

async function plan(url: string, httpUrl: string | null, auditRetentionDays: number): Promise<Plan> {
  const refusals: unknown[] = [];
  const note = (_: string, fields: object = {}) => void refusals.push(Reflect.get(fields, "sqlState"));
  const database = createDatabase(createSecret(url), httpUrl, { info: note, warn: note, error: note });
  try {
    return await planRetention({ retention: createRetentionStore(database), settings: { auditRetentionDays } });
  } catch (error) {
    const place = new URL(url).host;
    if (refusals.includes(NO_SUCH_FUNCTION)) {
      throw new Error(`The database at ${place} lacks migrations; run npm run migrate first.`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The database at ${place} cannot be asked: ${reason}`);
  }
}
