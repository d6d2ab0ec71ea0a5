import { UNAUTHENTICATED_CHAIN } from "../../domain/audit-event.ts";
import { bySystem } from "../../domain/call.ts";
import { isAppError } from "../../domain/errors.ts";
import { createSecretRef, isConnectionSecretName, type SecretRef } from "../../domain/secret-ref.ts";
import type { Deps } from "../deps.ts";

type ReportDeps = Pick<Deps, "audit" | "log" | "now" | "retention" | "secrets" | "settings" | "sha256">;

const PAGE = 1000;
/** Looked at in one run; with more, each day looks at the next part. */
const MAX_LOOKED_AT = 20_000;
const DAY_SECONDS = 86_400;
/** How many are told apart; the count says how many there are. */
const MAX_NAMED = 20;

/**
 * Says how many secrets of this deployment no connection refers to, and which, by the SHA-256 of their names: in the log,
 * and in the operator's audit chain. They are never deleted: another system may own them.
 */
export async function reportOrphanedSecrets(deps: ReportDeps): Promise<void> {
  try {
    const orphans = await findOrphans(deps);
    if (orphans === null) deps.log.warn("the secret store's policy lacks `list`, so orphaned secrets cannot be found");
    else if (orphans.length > 0) await report(deps, orphans);
  } catch (error) {
    if (!isAppError(error)) throw error;
    // A store is away: what is lost is today's report.
    deps.log.warn("orphaned secrets were not looked for", { code: error.code });
  }
}

/** Null when we may not list. */
async function findOrphans(deps: ReportDeps): Promise<readonly SecretRef[] | null> {
  const listed = await listOurs(deps);
  if (listed === null) return null;
  const suspects: SecretRef[] = [];
  const refs = chooseToday(listed, deps.now());
  for (let start = 0; start < refs.length; start += PAGE) {
    suspects.push(...(await deps.retention.listUnknownSecrets(refs.slice(start, start + PAGE))));
  }
  if (suspects.length === 0) return [];
  // A secret goes before its row: what is still there once its row was found missing is no purge of this moment.
  const still = new Set(await listOurs(deps));
  return suspects.filter((ref) => still.has(ref));
}

/** Null when we may not list. What other systems keep in the folder is none of ours. */
async function listOurs({ secrets, settings }: ReportDeps): Promise<readonly SecretRef[] | null> {
  const { environment, vaultMount: mount, vaultBasePath: path } = settings;
  const names = await secrets.list({ mount, path });
  const ours = names?.filter((name) => isConnectionSecretName(environment, name)).sort();
  return ours?.map((name) => createSecretRef(mount, path, name)) ?? null;
}

/** All of them, or each day the next part. */
function chooseToday(refs: readonly SecretRef[], now: number): readonly SecretRef[] {
  const parts = Math.max(Math.ceil(refs.length / MAX_LOOKED_AT), 1);
  const start = (Math.floor(now / DAY_SECONDS) % parts) * MAX_LOOKED_AT;
  return refs.slice(start, start + MAX_LOOKED_AT);
}

async function report(deps: ReportDeps, orphans: readonly SecretRef[]): Promise<void> {
  const names = orphans.slice(0, MAX_NAMED).map((ref) => ref.slice(ref.lastIndexOf("/") + 1));
  const hashes = await Promise.all(names.map(deps.sha256));
  deps.log.warn("secrets that no connection refers to", { count: orphans.length, name_hashes: hashes });
  await deps.audit.record(UNAUTHENTICATED_CHAIN, {
    action: "retention.purged",
    outcome: "success",
    ...bySystem("retention"),
    resource: null,
    detail: { kind: "orphaned_secrets", count: 0, reported: orphans.length, name_hashes: hashes },
  });
}
