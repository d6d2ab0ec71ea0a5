import type { Connection } from "../../domain/connection.ts";
import type { SetupOrder } from "../../domain/gcp-setup.ts";
import type { Deps } from "../deps.ts";

/**
 * Begins a set-up anew and hands it to its Workflow. While one is running nothing happens: it goes on with whatever
 * credential the connection has now.
 *
 * The attempt is in Postgres before its Workflow is started, so that one that could not be started is found and
 * started later.
 *
 * @param selection Projects a person selected; null = all billed ones, when they are few.
 * @returns false when one is running.
 */
export async function startSetup(
  deps: Pick<Deps, "gcpSetupRuns" | "gcpSetups">,
  connection: Pick<Connection, "id" | "ownerId" | "workspaceId">,
  selection: readonly string[] | null,
): Promise<boolean> {
  const { id, ownerId, workspaceId } = connection;
  const attempt = await deps.gcpSetups.begin({ userId: ownerId, workspaceId }, id, selection);
  if (attempt === null) return false;
  const order: SetupOrder = { connectionId: id, workspaceId, ownerId, attempt, selection };
  await deps.gcpSetupRuns.start(order);
  return true;
}
