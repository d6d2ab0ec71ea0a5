import { AwsV4Signer } from "aws4fetch";
import { AppError } from "../domain/errors.ts";
import type { UpstreamOptions } from "../domain/ports/upstream.ts";
import { type EpochSeconds, epochSeconds } from "../domain/time.ts";
import { isTemporary, unavailable } from "./answers.ts";
import type { StsEndpoint } from "./aws-regions.ts";
import type { ProviderContext } from "./provider.ts";
import { requireSetting } from "./settings.ts";
import { readXmlText } from "./xml.ts";

export const AWS_NAME = "AWS";
const API_VERSION = "2011-06-15";
/** The longest session every role allows: IAM's default MaxSessionDuration, and the ceiling of role chaining. */
const DURATION_SECONDS = 3600;
const MAX_SESSION_NAME_CHARACTERS = 64;
/** Codes that say "again", beside the 5xx. `RequestExpired` is a clock or a slow line. */
const AGAIN_CODES = [
  "Throttling",
  "ThrottlingException",
  "RequestLimitExceeded",
  "RequestExpired",
  "ServiceUnavailable",
];
/** Our own key is wrong, not the role. */
const OWN_KEY_CODES = ["InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException"];

export interface RoleRequest {
  readonly roleArn: string;
  readonly endpoint: StsEndpoint;
  /** Null asks as a stranger would. */
  readonly externalId: string | null;
}

/** Temporary credentials; `expiresAt` null when AWS named no time that can be read. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: EpochSeconds | null;
}

/**
 * Assumes a role with the operator's key.
 *
 * @returns null when AWS denies it (`AccessDenied`): the role does not exist, or does not trust us in this way.
 * @throws  `provider_rejected` when AWS refused for another reason; `provider_unavailable`; `misconfigured` without a key.
 * @see     https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export async function assumeRole(
  role: RoleRequest,
  context: ProviderContext,
  options: UpstreamOptions = {},
): Promise<RoleCredentials | null> {
  const answer = await context.send(await signRequest(role, context), options);
  const xml = await answer.text();
  const upstream = { name: AWS_NAME, now: context.now };
  if (answer.status === 200) {
    const credentials = readCredentials(xml);
    if (credentials === null) throw unavailable(upstream, answer);
    return credentials;
  }
  const code = readXmlText(xml, ["ErrorResponse", "Error", "Code"]);
  if (code === null || isTemporary(answer.status) || AGAIN_CODES.includes(code)) throw unavailable(upstream, answer);
  if (code === "AccessDenied") return null;
  throw new AppError("provider_rejected", describeRefusal(code));
}

async function signRequest({ roleArn, endpoint, externalId }: RoleRequest, context: ProviderContext): Promise<Request> {
  const body = new URLSearchParams({
    Action: "AssumeRole",
    Version: API_VERSION,
    RoleArn: roleArn,
    RoleSessionName: sessionName(context.awsExternalId),
    DurationSeconds: String(DURATION_SECONDS),
    ...(externalId !== null && { ExternalId: externalId }),
  }).toString();
  const signer = new AwsV4Signer({
    url: endpoint.url,
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    body,
    accessKeyId: requireSetting(context.settings, "AWS_ACCESS_KEY_ID"),
    secretAccessKey: requireSetting(context.settings, "AWS_SECRET_ACCESS_KEY"),
    service: "sts",
    region: endpoint.signingRegion,
    datetime: new Date(context.now * 1000).toISOString().replace(/[:-]|\.\d{3}/g, ""),
  });
  const { url, headers } = await signer.sign();
  return new Request(url, { method: "POST", headers, body });
}

/** Tells the customer's CloudTrail which workspace acted; they know its external id, it is in their trust policy. */
function sessionName(externalId: string): string {
  return `aurora-${externalId.replace(/[^\w+=,.@-]/g, "-")}`.slice(0, MAX_SESSION_NAME_CHARACTERS);
}

function readCredentials(xml: string): RoleCredentials | null {
  const read = (name: string) => readXmlText(xml, ["AssumeRoleResponse", "AssumeRoleResult", "Credentials", name]);
  const [accessKeyId, secretAccessKey, sessionToken] = [
    read("AccessKeyId"),
    read("SecretAccessKey"),
    read("SessionToken"),
  ];
  if (accessKeyId === null || secretAccessKey === null || sessionToken === null) return null;
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiresAt: readTime(read("Expiration")),
  };
}

/** ISO 8601 in UTC. `Date.parse` alone takes nearly anything for a date. */
function readTime(raw: string | null): EpochSeconds | null {
  if (raw === null || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(raw)) return null;
  const seconds = Date.parse(raw) / 1000;
  return seconds > 0 ? epochSeconds(seconds) : null;
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
function describeRefusal(code: string): string {
  if (OWN_KEY_CODES.includes(code)) return "AWS does not accept the broker's own key. Its operator has to mend that.";
  if (code === "RegionDisabledException") return "This region is not enabled for AWS STS in the broker's account.";
  if (code === "ValidationError") return "AWS finds the role or its session duration invalid.";
  return "AWS refused to assume the role.";
}
