import { createHash } from "node:crypto";
import { createConnectionStore } from "../../../src/adapters/neon/connections.ts";
import { createDatabase } from "../../../src/adapters/neon/database.ts";
import { createRetentionStore } from "../../../src/adapters/neon/retention.ts";
import type { RetentionStore } from "../../../src/domain/retention.ts";
import { createSecret } from "../../../src/domain/secret.ts";
import { parseSecretRef } from "../../../src/domain/secret-ref.ts";
import { applyRetention } from "../../../src/services/retention/apply-retention.ts";
import { type MigratedDatabase, runAs } from "../../migrations/database-targets.ts";
import { createDatabaseAuditLog } from "../../support/database-audit-log.ts";
import { createFakeCredentialCache } from "../../support/fake-credential-cache.ts";
import { createFakeKeepers } from "../../support/fake-keepers.ts";
import { createLogbook } from "../../support/fake-logbook.ts";
import { createFakeMetrics } from "../../support/fake-metrics.ts";
import { createFakeProvider } from "../../support/fake-provider.ts";
import { createFakeSealer } from "../../support/fake-sealer.ts";
import { createFakeSecretStore } from "../../support/fake-secret-store.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { TEST_SETTINGS } from "../../support/test-settings.ts";
import type { YearOfData } from "../../support/year-of-data.ts";
import { LOGIN } from "../audit/fake-log.ts";

const TABLES = [
  ...["users", "user_tokens", "sessions", "api_keys", "kubectl_tokens", "webhooks", "webhook_deliveries"],
] as const;
const HOUR_MS = 3_600_000;
const sha256 = async (text: string) => createHash("sha256").update(text).digest("hex");

/** The job over a real database that holds the year; what is not in Postgres is in memory. */
export async function createRetentionWorld(migrated: MigratedDatabase, year: YearOfData) {
  const { appUrl, address } = migrated.postgres;
  const logbook = createLogbook();
  const database = createDatabase(createSecret(appUrl), `${address}/sql`, logbook);
  const time = createFakeTime();
  const { provider } = createFakeProvider(time.sleep);
  const log = createDatabaseAuditLog(database);
  const common = {
    ...{ settings: TEST_SETTINGS, now: time.now, nowMs: time.nowMs, sleep: time.sleep },
    ...{ random: randomBytes, audit: log.audit, metrics: createFakeMetrics() },
    secrets: createFakeSecretStore(),
    sealer: createFakeSealer(),
    credentialCache: createFakeCredentialCache(time.now),
    connections: createConnectionStore(database),
    providers: { list: () => [provider], find: () => provider },
    providerSettings: {},
    send: () => Promise.reject(new Error("nothing is sent")),
  };
  const keepers = createFakeKeepers(common);
  const retention = createRetentionStore(database);
  const { auditEvents, auditHeads, auditPruning } = log;
  const deps = { ...common, auditEvents, auditHeads, auditPruning, keepers, retention, sha256, log: logbook };
  for (const { table, columns } of year.rows) {
    // Ended ones hold a secret too, as if no disconnect had ever reached the store.
    const ref = String(columns["secret_ref"]);
    if (table === "user_tokens") await common.secrets.write(parseSecretRef(ref, "aurora"), { access_token: "a" }, 0);
  }
  for (const [chain, hoursAgo] of year.events) {
    await log.backdate(
      chain,
      LOGIN,
      hoursAgo.map((hours) => Date.now() - hours * HOUR_MS),
    );
  }
  const run = (change: Partial<RetentionStore> = {}) =>
    applyRetention({ ...deps, retention: { ...retention, ...change } });
  return { deps, log, keepers, run };
}

export type RetentionWorld = Awaited<ReturnType<typeof createRetentionWorld>>;

/** Empties the tables and puts the year in. */
export async function fillWith({ owner }: MigratedDatabase, { workspaces, rows }: YearOfData): Promise<void> {
  const emptied = ["retention_ledger", "gcp_setups", ...[...TABLES].reverse()];
  for (const table of [...emptied, "audit_events", "audit_checkpoints", "workspaces"])
    await runAs(owner, null, `delete from ${table}`);
  for (const id of workspaces) await runAs(owner, null, `insert into workspaces (id, name) values ('${id}', 'w')`);
  for (const table of TABLES) {
    const columns = rows.flatMap((row) => (row.table === table ? [row.columns] : []));
    const names = Object.keys(columns[0] ?? {}).join(", ");
    await runAs(
      owner,
      null,
      `insert into ${table} (${names}) select ${names} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      [JSON.stringify(columns)],
    );
  }
}

/** Every id that is left, of every table, sorted. */
export async function readIds({ owner }: MigratedDatabase): Promise<readonly string[]> {
  const all = await Promise.all(TABLES.map((table) => runAs(owner, null, `select id from ${table}`)));
  return all
    .flat()
    .map((row) => String(row["id"]))
    .sort();
}

/** What the log says was purged, added up: `{kind} {workspace}` to how many. */
export function addUpTold({ log }: RetentionWorld): ReadonlyMap<string, number> {
  const told = new Map<string, number>();
  for (const { action, chain, detail } of log.entries) {
    const key = `${String(detail["kind"])} ${chain}`;
    if (action === "retention.purged") told.set(key, (told.get(key) ?? 0) + Number(detail["count"]));
  }
  return told;
}
