import { createHash, randomBytes } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import { type Answer, readForm, type WireRequest } from "../wire.ts";
import { type Assumption, CUSTOMER_ACCOUNTS, isTrusted, PLATFORM_ACCOUNT, parseAssumption } from "./aws-roles.ts";
import { type Refusal, verifySignature } from "./aws-signature.ts";
import { describeAssumedRole, describeIdentity, describeRefusal, type Identity } from "./aws-xml.ts";

const VERSION = "2011-06-15";
const GLOBAL_HOST = "sts.amazonaws.com";
const REGIONAL_HOST = /^sts\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com$/;
const REGIONS = [
  ...["us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"],
  ...["eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3"],
  ...["ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2"],
  ...["af-south-1", "il-central-1", "me-central-1"],
];

/** Temporary credentials as issued: who they are, and what they are checked with. */
interface Issued extends Identity {
  readonly secret: string;
  readonly tokenHash: string;
  readonly expiresAtMs: number;
}

type ReadSecret = (accessKeyId: string, sessionToken: string | null) => string | Refusal;

/**
 * AWS Security Token Service: AssumeRole with the platform's key, GetCallerIdentity with any.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
 */
export function createAws(context: SandboxContext): SandboxProvider {
  const accessKeyId = context.secret("aws-access-key-id", () => `AKIA${randomKey(16)}`);
  const secretAccessKey = context.secret("aws-secret-access-key", () => randomBytes(30).toString("base64"));
  const settings = context.tokenSettings({ provider: "aws", expires_in: 3600, rotate: false, grace_seconds: 0 });
  const service = createService(context, settings, { accessKeyId, secretAccessKey });
  const route = {
    method: "POST" as const,
    path: "/",
    endpoint: (request: WireRequest) =>
      (readForm(request)?.get("Action") === "AssumeRole" ? "token" : "api") as "token" | "api",
    handle: service,
  };
  return {
    id: "aws",
    origins: [GLOBAL_HOST, ...REGIONS.map((region) => `sts.${region}.amazonaws.com`)].map((host) => `https://${host}`),
    settings: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_ACCOUNT_ID: PLATFORM_ACCOUNT,
    },
    // A new role each time: a role belongs to the first workspace that uses it.
    credentials: () => ({ role_arn: `arn:aws:iam::${CUSTOMER_ACCOUNTS[0]}:role/AuroraRole-${randomKey(6)}` }),
    refusedCredentials: () => ({ role_arn: `arn:aws:iam::${CUSTOMER_ACCOUNTS[0]}:role/Denied` }),
    routes: [
      { ...route, host: GLOBAL_HOST },
      { ...route, host: REGIONAL_HOST },
    ],
  };
}

function createService(
  context: SandboxContext,
  settings: () => TokenSettings,
  platform: { accessKeyId: string; secretAccessKey: string },
): (request: WireRequest) => Answer {
  const readSecret = createSecretReader(context, platform);
  return (request) => {
    const form = readForm(request);
    if (!form) return describeRefusal({ status: 415, code: "InvalidAction", message: "The request is not a form." });
    const region = REGIONAL_HOST.exec(request.host)?.[1] ?? "us-east-1";
    const verdict = verifySignature(request, { region, service: "sts", nowMs: context.now(), readSecret });
    if ("refusal" in verdict) return describeRefusal(verdict.refusal);
    const action = form.get("Action");
    const version = form.get("Version");
    if (version !== VERSION || (action !== "AssumeRole" && action !== "GetCallerIdentity")) {
      const message = `Could not find operation ${action} for version ${version ?? "NO_VERSION_SPECIFIED"}`;
      return describeRefusal({ status: 400, code: "InvalidAction", message });
    }
    const caller = identify(context, verdict.accessKeyId);
    if (action === "GetCallerIdentity") return describeIdentity(caller);
    return assumeRole(context, settings(), form, caller);
  };
}

function createSecretReader(
  { state, now }: SandboxContext,
  platform: { accessKeyId: string; secretAccessKey: string },
): ReadSecret {
  const invalid = {
    status: 403,
    code: "InvalidClientTokenId",
    message: "The security token included in the request is invalid.",
  };
  const expired = {
    status: 403,
    code: "ExpiredToken",
    message: "The security token included in the request is expired",
  };
  return (accessKeyId, sessionToken) => {
    if (accessKeyId === platform.accessKeyId) return sessionToken === null ? platform.secretAccessKey : invalid;
    const issued = state.get(keyOf(accessKeyId)) as Issued | null;
    if (!issued || sessionToken === null || hash(sessionToken) !== issued.tokenHash) return invalid;
    return issued.expiresAtMs <= now() ? expired : issued.secret;
  };
}

/** An access key that issued nothing is the platform's own. */
function identify({ state }: SandboxContext, accessKeyId: string): Identity {
  const platform = {
    arn: `arn:aws:iam::${PLATFORM_ACCOUNT}:user/aurora-edge`,
    userId: "AIDASANDBOXAURORAEDGE",
    account: PLATFORM_ACCOUNT,
  };
  return (state.get(keyOf(accessKeyId)) as Issued | null) ?? platform;
}

function assumeRole(context: SandboxContext, settings: TokenSettings, form: URLSearchParams, caller: Identity): Answer {
  const assumption = parseAssumption(form);
  if ("code" in assumption) return describeRefusal(assumption);
  if (caller.account !== PLATFORM_ACCOUNT || !isTrusted(context.state, assumption)) {
    const message = `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${assumption.roleArn}`;
    return describeRefusal({ status: 403, code: "AccessDenied", message });
  }
  return issue(context, settings, assumption);
}

/** `POST /_tokens` may make credentials shorter than AWS would; the caller reads Expiration either way. */
function issue({ state, now }: SandboxContext, settings: TokenSettings, assumption: Assumption): Answer {
  const { account, roleName, sessionName, durationSeconds } = assumption;
  const accessKeyId = `ASIA${randomKey(16)}`;
  const secret = randomBytes(30).toString("base64");
  const sessionToken = randomBytes(256).toString("base64");
  const expiresAtMs = now() + Math.min(durationSeconds, settings.expires_in) * 1000;
  const userId = `AROA${hash(assumption.roleArn)
    .replace(/[^A-Za-z0-9]/g, "")
    .toUpperCase()
    .slice(0, 17)}:${sessionName}`;
  const arn = `arn:aws:sts::${account}:assumed-role/${roleName}/${sessionName}`;
  const issued: Issued = { arn, userId, account, secret, tokenHash: hash(sessionToken), expiresAtMs };
  // Kept for a day after its end, so that it is refused as expired and not as unknown.
  state.set(keyOf(accessKeyId), issued, expiresAtMs + 86_400_000);
  return describeAssumedRole({ accessKeyId, secret, sessionToken, expiresAtMs, arn, userId });
}

function randomKey(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return [...randomBytes(length)].map((byte) => alphabet[byte % 32]).join("");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function keyOf(accessKeyId: string): string {
  return `aws/credentials/${accessKeyId}`;
}
