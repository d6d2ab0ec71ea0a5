import { AppError } from "../../domain/errors.ts";
import { RETRIABLE_STATUSES, type Setup } from "../../domain/gcp-setup.ts";
import { type ConnectionId, requireOwnerId } from "../../domain/ids.ts";
import { scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed } from "../record-deed.ts";
import { startSetup } from "./start-setup.ts";

/**
 * Goes on with the projects a person selected: of the set-up that waits for it, or again of one that came to less than
 * a success.
 *
 * @param connectionId Which one, for a caller with several; null = the newest that knows these projects, or found none.
 * @returns the connection, by which the status is read.
 * @throws `conflict` when none is waiting; `invalid_request` when a project is not among those found.
 */
export async function selectProjects(
  deps: Pick<Deps, "audit" | "gcpSetupRuns" | "gcpSetups">,
  caller: Caller,
  selected: readonly string[],
  connectionId: ConnectionId | null,
): Promise<ConnectionId> {
  const { principal } = caller;
  const selection = [...new Set(selected)];
  const setup = await findWaiting(deps, caller, selection, connectionId);
  const connection = {
    id: setup.connectionId,
    ownerId: requireOwnerId(principal.id),
    workspaceId: principal.workspaceId,
  };
  if (!(await startSetup(deps, connection, selection))) throw isRunning();
  const resource = { type: "connection", id: connection.id, provider: "gcp" } as const;
  await recordDeed(deps, caller, "connection.updated", resource, { change: "setup", projects: selection.length });
  return connection.id;
}

async function findWaiting(
  deps: Pick<Deps, "gcpSetups">,
  { principal }: Caller,
  selection: readonly string[],
  connectionId: ConnectionId | null,
): Promise<Setup> {
  const open = await deps.gcpSetups.listOwnOpen(scopeOf(principal));
  const named = open.filter((setup) => connectionId === null || setup.connectionId === connectionId);
  const waiting = inOrder(named);
  if (waiting.length === 0) {
    if (named.length > 0) throw isRunning();
    throw new AppError("conflict", "No set-up of Google Cloud is waiting for a selection of projects.");
  }
  const knows = ({ projects }: Setup) => selection.every((id) => projects.some(({ project_id }) => project_id === id));
  // Where none was found any may have come since: Google is asked about each with the person's own credential.
  const found = waiting.find(knows) ?? waiting.find(({ projects }) => projects.length === 0);
  if (found !== undefined) return found;
  const details = [{ path: "selected_project_ids", message: "names a project that is not among the eligible ones" }];
  throw new AppError("invalid_request", "Select from the projects that were found.", { details });
}

/** Those that wait for a selection before those that may be tried again. */
function inOrder(setups: readonly Setup[]): readonly Setup[] {
  return RETRIABLE_STATUSES.flatMap((status) => setups.filter((setup) => setup.status === status));
}

function isRunning(): AppError {
  return new AppError("conflict", "The set-up of Google Cloud is running; it is not waiting for a selection.");
}
