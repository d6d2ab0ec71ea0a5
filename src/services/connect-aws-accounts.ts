import { AppError, isAppError } from "../domain/errors.ts";
import { accountOf } from "../providers/aws-regions.ts";
import { requireOwnWorkspace } from "./aws-links.ts";
import { type ConnectDeps, connectAccount } from "./connections/connect-account.ts";
import type { Caller } from "./record-deed.ts";

/** A Worker has six connections at a time; each account needs one after the other. */
const AT_ONCE = 5;

/** One account of a list, as it was given. */
export interface GivenAwsAccount {
  readonly accountId: string;
  readonly roleArn: string;
  readonly region: string | null;
}

export interface AwsAccountResult {
  readonly accountId: string;
  /** Null = connected; else why not, in words. */
  readonly error: string | null;
}

/**
 * Connects a role in each of several accounts. Each is judged alone: what is wrong with one says nothing of the others.
 *
 * @returns A result for each, in the order given.
 * @throws  `not_found` unless the workspace is the caller's own.
 */
export async function connectAwsAccounts(
  deps: ConnectDeps,
  caller: Caller,
  workspaceId: string,
  accounts: readonly GivenAwsAccount[],
): Promise<readonly AwsAccountResult[]> {
  requireOwnWorkspace(caller.principal, workspaceId);
  const waiting = accounts.entries();
  const results: AwsAccountResult[] = [];
  const work = async () => {
    for (const [index, account] of waiting) results[index] = await connectOne(deps, caller, account);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

async function connectOne(deps: ConnectDeps, caller: Caller, given: GivenAwsAccount): Promise<AwsAccountResult> {
  const { accountId, roleArn, region } = given;
  try {
    if (accountOf(roleArn) !== accountId) {
      throw new AppError("invalid_request", "accountId is not the account of roleArn.");
    }
    await connectAccount(deps, caller, "aws", { role_arn: roleArn, ...(region !== null && { region }) });
    return { accountId, error: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { accountId, error: error.message };
  }
}
