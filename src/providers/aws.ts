import { z } from "zod";
import { AppError, isAppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { accountOf, isRegionOf, regionName, roleArn, stsEndpoint } from "./aws-regions.ts";
import { REFRESH_TIMEOUT_MS } from "./oauth2.ts";
import type { Acquired, Provider, ProviderContext } from "./provider.ts";
import { AWS_NAME, assumeRole, type RoleCredentials } from "./sts.ts";

const role = { role_arn: roleArn, read_only_role_arn: roleArn.optional(), region: regionName.optional() };
// There is no external_id in it: the workspace's own is used, and strict refuses a client's.
const credentials = z
  .strictObject(role)
  .refine(({ role_arn, region }) => isRegionOf(role_arn, region), {
    path: ["region"],
    message: "is not of the role's partition",
  })
  .refine(
    ({ role_arn, read_only_role_arn: other }) => other === undefined || accountOf(other) === accountOf(role_arn),
    {
      path: ["read_only_role_arn"],
      message: "must be a role of the same account",
    },
  );
type Role = z.output<typeof credentials>;

const OPEN_ROLE = "The role does not require the external id. Add the condition sts:ExternalId to its trust policy.";
const DENIED =
  "AWS denied the role. It must exist, and its trust policy must name the broker's account and the workspace's external id.";

/**
 * A role of the customer's, assumed with the workspace's external id.
 *
 * Over sixty lines: it is the only one of its kind, and proves that nobody else could have the broker assume the role.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
 */
export const aws = {
  id: "aws",
  name: AWS_NAME,
  kind: "assume_role",
  docsUrl: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html",
  apiHosts: [
    ...["sts.amazonaws.com", "iam.amazonaws.com", "ec2.us-east-1.amazonaws.com", "ec2.us-west-2.amazonaws.com"],
    ...["ec2.eu-west-1.amazonaws.com", "ec2.eu-central-1.amazonaws.com", "ce.us-east-1.amazonaws.com"],
    ...["s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.us-west-2.amazonaws.com", "s3.eu-west-1.amazonaws.com"],
    ...["monitoring.us-east-1.amazonaws.com", "logs.us-east-1.amazonaws.com", "organizations.us-east-1.amazonaws.com"],
  ],
  scopes: [],
  exposes: ["access_key_id", "secret_access_key", "session_token", "expires_at", "role_arn"],
  settings: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
  credentials,
  storable: z.looseObject({ ...role, external_id: z.string().optional() }),
  authorization: null,
  connect: (raw, context) => connect(credentials.parse(raw), context),
  refresh,
  revoke: null,
} as const satisfies Provider;

async function connect(given: Role, context: ProviderContext): Promise<Acquired> {
  const proven = await prove(given.role_arn, given.region, context);
  if (given.read_only_role_arn !== undefined) await prove(given.read_only_role_arn, given.region, context);
  const account = accountOf(given.role_arn);
  return {
    secret: { ...given, ...describeCredentials(proven) },
    account,
    upstreamAccount: null,
    scopes: [],
    metadata: { role_arn: given.role_arn, ...(given.region !== undefined && { region: given.region }) },
  };
}

/**
 * Assumes the role with our external id, and makes sure it cannot be assumed without one: otherwise anyone who knows
 * the ARN could have the broker act on it for them (the confused deputy).
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
 */
async function prove(arn: string, region: string | undefined, context: ProviderContext): Promise<RoleCredentials> {
  const request = { roleArn: arn, endpoint: stsEndpoint(arn, region) };
  const proven = await assumeRole({ ...request, externalId: context.awsExternalId }, context);
  if (proven === null) throw new AppError("provider_rejected", DENIED);
  if ((await assumeAsStranger(request, context)) !== null) {
    throw new AppError("provider_rejected", OPEN_ROLE);
  }
  return proven;
}

/** Any answer but a denial proves nothing, so nothing is stored on it. */
async function assumeAsStranger(
  request: { readonly roleArn: string; readonly endpoint: ReturnType<typeof stsEndpoint> },
  context: ProviderContext,
): Promise<RoleCredentials | null> {
  try {
    return await assumeRole({ ...request, externalId: null }, context);
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new AppError(
      "provider_unavailable",
      "AWS did not say whether the role requires the external id. Try again.",
      {
        retryAfterSeconds: error.retryAfterSeconds,
      },
    );
  }
}

async function refresh(secret: SecretData, context: ProviderContext): Promise<SecretData> {
  const stored = z.object(role).safeParse(secret);
  if (!stored.success || !isRegionOf(stored.data.role_arn, stored.data.region)) {
    throw new AppError("reauth_required", "The stored role is not valid. Connect it again.");
  }
  const { role_arn: arn, region } = stored.data;
  const request = { roleArn: arn, endpoint: stsEndpoint(arn, region) };
  const withId = { ...request, externalId: context.awsExternalId };
  const fresh = await assumeRole(withId, context, { timeoutMs: REFRESH_TIMEOUT_MS });
  if (fresh === null) throw new AppError("reauth_required", DENIED);
  // A role that was stored as given was never proven: the first time it is assumed, it is held to what connecting asks.
  if (readText(secret, "access_key_id") === null && (await assumeAsStranger(request, context)) !== null) {
    throw new AppError("reauth_required", OPEN_ROLE);
  }
  const { expires_at: _expiresAt, ...kept } = secret;
  return { ...kept, ...describeCredentials(fresh) };
}

function describeCredentials(credentials: RoleCredentials): SecretData {
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = credentials;
  return {
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
    session_token: sessionToken,
    ...(expiresAt !== null && { expires_at: expiresAt }),
  };
}
