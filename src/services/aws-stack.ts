import {
  createQuickCreateUrl,
  createRoleTemplate,
  createStackSetsCommand,
  type RoleTrust,
  type RoleType,
} from "../domain/aws-role-template.ts";
import { AppError } from "../domain/errors.ts";
import { type Principal, scopeOf } from "../domain/principal.ts";
import { requirePublicUrl } from "../domain/public-url.ts";
import { consoleHostOf, regionName } from "../providers/aws-regions.ts";
import { requireOwnWorkspace } from "./aws-links.ts";
import type { Deps } from "./deps.ts";

type StackDeps = Pick<Deps, "connections" | "providerSettings" | "settings">;

/** Where AWS takes templates from: a bucket in the host name or in the path, of any region and partition. */
const S3_HOST =
  /^(?:[a-z0-9][a-z0-9.-]*\.)?s3(?:[.-](?:dualstack\.)?[a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com(?:\.cn)?$/;
const OPEN_AND_CREATE = "Sign in to the AWS account that is to be connected, open the link, create the stack";
const SEND_ROLE = "then send its output RoleArn to /workspaces/{id}/aws/role.";
const UPLOAD = "upload the template of /workspaces/{id}/aws/cfn-template where the console asks for one";
const ORGANISATION = "For all accounts of an organisation, run the StackSets command in its management account.";

/** The template that makes the role, with who may assume it. */
export interface RoleTemplate extends RoleTrust {
  readonly template: string;
}

/** @throws `not_found` unless the workspace is the caller's own; `misconfigured` where our account is not set. */
export async function readRoleTemplate(
  deps: StackDeps,
  principal: Principal,
  workspaceId: string,
  roleType: RoleType,
): Promise<RoleTemplate> {
  const trust = await readTrust(deps, principal, workspaceId, roleType);
  return { ...trust, template: createRoleTemplate(trust) };
}

/** The ways to make the role without typing. */
export interface QuickCreate extends RoleTrust {
  readonly quickCreateUrl: string;
  readonly region: string;
  readonly templateUrl: string | null;
  readonly stackSetsCommand: string;
  /** What to do with it, for a person. */
  readonly note: string;
}

/**
 * @param rawTemplateUrl The template in an S3 bucket; null = it is uploaded by hand.
 * @throws `invalid_request` for a region that is none or an address outside S3; else as `readRoleTemplate`.
 */
export async function readQuickCreate(
  deps: StackDeps,
  principal: Principal,
  workspaceId: string,
  request: { readonly region: string; readonly rawTemplateUrl: string | null; readonly roleType: RoleType },
): Promise<QuickCreate> {
  const { region, rawTemplateUrl, roleType } = request;
  if (!regionName.safeParse(region).success) throw new AppError("invalid_request", "There is no such AWS region.");
  const templateUrl = rawTemplateUrl === null ? null : requireS3Url(deps, rawTemplateUrl);
  const trust = await readTrust(deps, principal, workspaceId, roleType);
  const place = { region, consoleHost: consoleHostOf(region), templateUrl };
  const steps = templateUrl === null ? [OPEN_AND_CREATE, UPLOAD, SEND_ROLE] : [OPEN_AND_CREATE, SEND_ROLE];
  return {
    ...trust,
    quickCreateUrl: createQuickCreateUrl(place, trust),
    region,
    templateUrl,
    stackSetsCommand: createStackSetsCommand(place, trust),
    note: `${steps.join("; ")} ${ORGANISATION}`,
  };
}

async function readTrust(
  deps: StackDeps,
  principal: Principal,
  workspaceId: string,
  roleType: RoleType,
): Promise<RoleTrust> {
  requireOwnWorkspace(principal, workspaceId);
  const accountId = deps.providerSettings["AWS_ACCOUNT_ID"]?.reveal();
  if (accountId === undefined) {
    throw new AppError("misconfigured", "This deployment does not say which AWS account is its own.");
  }
  return { accountId, externalId: await deps.connections.readAwsExternalId(scopeOf(principal)), roleType };
}

/** The link is opened with our name on it, so that it leads to nothing but a template in S3. */
function requireS3Url({ settings }: Pick<Deps, "settings">, raw: string): string {
  const url = requirePublicUrl(raw, { ownHosts: [new URL(settings.publicUrl).hostname] });
  if (url.port === "" && url.hash === "" && S3_HOST.test(url.hostname)) return url.href;
  throw new AppError("invalid_request", "templateUrl must be the https address of an object in Amazon S3.");
}
