import type { AuditEntry } from "../../domain/audit-event.ts";
import { AppError } from "../../domain/errors.ts";
import { scopeOf } from "../../domain/principal.ts";
import type { Acquired, Provider } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed, resourceOf } from "../record-deed.ts";
import { type Choice, type StoreDeps, type Stored, type Storing, tryToStore } from "./store-acquired.ts";

/**
 * Makes a proven credential the caller's connection, as `storeAcquired` does, and records it: also one whose keeper has
 * it and stores it later, since nobody is there to record it then.
 *
 * @throws as `storeAcquired`.
 */
export async function storeAndRecord(
  deps: StoreDeps & Pick<Deps, "audit">,
  caller: Caller,
  provider: Provider,
  acquired: Acquired,
  choice: Choice,
): Promise<Stored> {
  const storing = await tryToStore(deps, scopeOf(caller.principal), provider, acquired, choice);
  const deed = connectedDeed(storing);
  if (deed !== null) await recordDeed(deps, caller, deed.action, deed.resource, deed.detail);
  if (storing.kind === "stored") return storing.stored;
  throw storing.kind === "kept" ? sayKept(storing.error) : storing.error;
}

/** Whoever takes the refusal for a failure would leave a live credential behind. */
function sayKept({ code, retryAfterSeconds }: AppError): AppError {
  const message = "The account is kept, and connected as soon as what it is stored in answers again.";
  return new AppError(code, message, { retryAfterSeconds });
}

/** What the log says of a new connection, or of a new credential for one that was there; null when nobody has it. */
export function connectedDeed(storing: Storing): ConnectedDeed | null {
  if (!("stored" in storing)) return null;
  const { connection, replaced } = storing.stored;
  return {
    action: replaced ? "connection.updated" : "connection.created",
    resource: resourceOf(connection),
    detail: { ...(replaced && { change: "credential" }), ...(storing.kind === "kept" && { pending: true }) },
  };
}

type ConnectedDeed = Pick<AuditEntry, "action" | "detail"> & { readonly resource: NonNullable<AuditEntry["resource"]> };
