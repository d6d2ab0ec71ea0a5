import { UNAUTHENTICATED_CHAIN } from "../../domain/audit-event.ts";
import { scopeOfChain } from "../../domain/audit-scope.ts";
import { AppError } from "../../domain/errors.ts";
import { type Principal, type Scope, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** What `?chain=` may say: the chain of events that belong to no workspace. Left out, it is the caller's own. */
export const CHAIN_NAMES = ["unauthenticated"] as const;

/**
 * The events a caller asks for: those of its workspace, or of nobody's when it is the operator's.
 *
 * @param raw The query's `chain`.
 * @throws `forbidden` to anyone outside the operator's workspace; `invalid_request` for a name nobody knows.
 */
export function chooseChain(
  { settings }: Pick<Deps, "settings">,
  principal: Pick<Principal, "id" | "workspaceId">,
  raw: string | undefined,
): Scope {
  if (raw === undefined) return scopeOf(principal);
  if (!CHAIN_NAMES.some((name) => name === raw)) {
    throw new AppError("invalid_request", "There is no audit chain of that name.");
  }
  if (principal.workspaceId !== settings.operatorWorkspaceId) {
    throw new AppError("forbidden", "Only the operator's workspace may read events that belong to no workspace.");
  }
  return scopeOfChain(UNAUTHENTICATED_CHAIN, principal.id);
}
