import { bySystem } from "../../domain/call.ts";
import { type EndingCredential, WARNING_DAYS } from "../../domain/credential-end.ts";
import { toRfc3339 } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";

const PAGE = 50;
/** A cron run has 30 s of CPU: what is left over waits for the next day. */
const MAX_PAGES = 100;

/**
 * Records in the workspace's log that what a connection was made with ends in 30 days, in 7, in 1: each once, whatever
 * else runs beside, since the store hands out each warning once. A crash between the two loses that one warning; the
 * connection itself shows the end all the while.
 */
export async function warnOfEndingCredentials(deps: Pick<Deps, "audit" | "connections">): Promise<void> {
  for (let page = 0; page < MAX_PAGES; page++) {
    const ending = await deps.connections.takeEndingCredentials(WARNING_DAYS, PAGE);
    await Promise.all(ending.map((credential) => warn(deps, credential)));
    if (ending.length < PAGE) return;
  }
}

function warn(deps: Pick<Deps, "audit">, ending: EndingCredential): Promise<void> {
  const { connectionId, workspaceId, provider, expiresAt, days } = ending;
  return deps.audit.record(workspaceId, {
    action: "connection.updated",
    outcome: "success",
    ...bySystem("cron"),
    resource: { type: "connection", id: connectionId, provider },
    detail: { warning: "client_secret_expiring", days, expires_at: toRfc3339(expiresAt) },
  });
}
