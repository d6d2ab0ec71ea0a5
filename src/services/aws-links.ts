import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import { type Principal, scopeOf } from "../domain/principal.ts";
import type { Deps } from "./deps.ts";

/** What a person needs to make the role, and how far the workspace is. */
export interface AwsLinks {
  readonly workspaceId: string;
  readonly externalId: string;
  readonly status: "not_started" | "fully_configured";
  readonly auroraAccountId: string | null;
  readonly roleArn: string | null;
}

/** @throws `not_found` unless the workspace is the caller's own. */
export async function readAwsLinks(
  deps: Pick<Deps, "connections" | "providerSettings">,
  principal: Principal,
  workspaceId: string,
): Promise<AwsLinks> {
  requireOwnWorkspace(principal, workspaceId);
  const scope = scopeOf(principal);
  const externalId = await deps.connections.readAwsExternalId(scope);
  const [newest] = await deps.connections.listReadable(scope, "aws", null);
  return {
    workspaceId,
    externalId,
    status: newest === undefined ? "not_started" : "fully_configured",
    auroraAccountId: deps.providerSettings["AWS_ACCOUNT_ID"]?.reveal() ?? null,
    roleArn: newest === undefined ? null : readText(newest.metadata, "role_arn"),
  };
}

/** Another tenant's workspace and an absent one look alike. */
export function requireOwnWorkspace(principal: Principal, workspaceId: string): void {
  if (workspaceId !== principal.workspaceId) throw new AppError("not_found", "There is no such workspace.");
}
