import { randomUUID } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { control, readCredentials, startTestSandbox } from "./sandbox-client.ts";

const ACCOUNT = "arn:aws:iam::222233334444:role";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface Signing {
  readonly keys?: Keys;
  readonly host?: string;
  readonly region?: string;
  readonly service?: string;
  readonly datetime?: string;
  /** Changes what is sent after it was signed. */
  readonly tamper?: (headers: Headers, body: string) => string;
}

let sandbox: Sandbox;
let platform: Keys;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  const { settings } = sandbox;
  platform = {
    accessKeyId: settings["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: settings["AWS_SECRET_ACCESS_KEY"] ?? "",
  };
});
afterAll(() => sandbox.stop());
beforeEach(() => control(sandbox, "/_reset"));

/** Signs for the real host, as the Worker does, and sends to the sandbox. */
async function call(form: Record<string, string>, signing: Signing = {}) {
  const { keys = platform, host = "sts.eu-west-1.amazonaws.com", region = "eu-west-1", service = "sts" } = signing;
  const client = new AwsClient({ ...keys, region, service, retries: 0 });
  const body = new URLSearchParams({ Version: "2011-06-15", ...form }).toString();
  const signed = await client.sign(`https://${host}/`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body,
    aws: signing.datetime ? { datetime: signing.datetime } : {},
  });
  const headers = new Headers(signed.headers);
  const sent = signing.tamper?.(headers, body) ?? body;
  const response = await fetch(`${sandbox.address}/${host}/`, { method: "POST", headers, body: sent });
  const text = await response.text();
  const read = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? "";
  return { status: response.status, type: response.headers.get("content-type"), read };
}

function assume(role: string, externalId: string | null, changes: Record<string, string> = {}, signing?: Signing) {
  const form = { Action: "AssumeRole", RoleArn: role, RoleSessionName: "aurora-test", ...changes };
  return call({ ...form, ...(externalId === null ? {} : { ExternalId: externalId }) }, signing);
}

async function refusalOf(answer: ReturnType<typeof call>) {
  const { status, read } = await answer;
  return [status, read("Code")];
}

test("a role is assumed and its credentials say who they are", async () => {
  const role = (await readCredentials(sandbox))["aws"]?.["role_arn"] ?? "";
  const { status, read, type } = await assume(role, randomUUID(), { DurationSeconds: "900" });
  expect([status, type]).toEqual([200, "text/xml"]);
  const lifeMs = Date.parse(read("Expiration")) - Date.now();
  expect(lifeMs).toBeGreaterThan(890_000);
  expect(lifeMs).toBeLessThanOrEqual(900_000);
  const keys = {
    accessKeyId: read("AccessKeyId"),
    secretAccessKey: read("SecretAccessKey"),
    sessionToken: read("SessionToken"),
  };
  const identity = await call({ Action: "GetCallerIdentity" }, { keys });
  expect(identity.read("Arn")).toMatch(/^arn:aws:sts::222233334444:assumed-role\/AuroraRole-\w+\/aurora-test$/);
});

test("the global endpoint is signed for us-east-1", async () => {
  const global = { host: "sts.amazonaws.com", region: "us-east-1" };
  expect((await call({ Action: "GetCallerIdentity" }, global)).read("Account")).toBe("111122223333");
  const answer = call({ Action: "GetCallerIdentity" }, { ...global, region: "eu-west-1" });
  expect(await refusalOf(answer)).toEqual([403, "SignatureDoesNotMatch"]);
});

test("a role keeps the first external id it saw", async () => {
  const [role, first] = [`${ACCOUNT}/Bound`, randomUUID()];
  expect((await assume(role, first)).status).toBe(200);
  expect(await refusalOf(assume(role, randomUUID()))).toEqual([403, "AccessDenied"]);
  expect((await assume(role, first)).status).toBe(200);
});

test("each reading of the credentials names a role no workspace has used", async () => {
  const [one, two] = [await readCredentials(sandbox), await readCredentials(sandbox)];
  expect(one["aws"]?.["role_arn"]).not.toBe(two["aws"]?.["role_arn"]);
});

test("two roles keep different external ids", async () => {
  expect((await assume(`${ACCOUNT}/One`, randomUUID())).status).toBe(200);
  expect((await assume(`${ACCOUNT}/Two`, randomUUID())).status).toBe(200);
});

test.each([
  ["no external id", `${ACCOUNT}/AuroraRole`, null],
  ["an external id that is no UUID", `${ACCOUNT}/Fresh`, "my-company"],
  ["a role that denies", `${ACCOUNT}/Denied`, randomUUID()],
  ["an unknown account", "arn:aws:iam::999988887777:role/AuroraRole", randomUUID()],
])("%s is AccessDenied", async (_name, role, externalId) => {
  expect(await refusalOf(assume(role, externalId))).toEqual([403, "AccessDenied"]);
});

test("a role that asks for no external id opens with and without one", async () => {
  expect((await assume(`${ACCOUNT}/NoExternalId`, null)).status).toBe(200);
  expect((await assume(`${ACCOUNT}/NoExternalId`, randomUUID())).status).toBe(200);
});

test.each([
  ["a wildcard in the ARN", { RoleArn: "arn:aws:iam::222233334444:role/*" }],
  ["another partition", { RoleArn: "arn:aws-cn:iam::222233334444:role/AuroraRole" }],
  ["no ARN", { RoleArn: "" }],
  ["a session name with a space", { RoleSessionName: "two words" }],
  ["a session that is too short", { DurationSeconds: "899" }],
  ["a session longer than the role allows", { DurationSeconds: "7200" }],
  ["an external id with a space", { ExternalId: "a b" }],
])("%s is a ValidationError", async (_name, changes) => {
  expect(await refusalOf(assume(`${ACCOUNT}/AuroraRole`, null, changes))).toEqual([400, "ValidationError"]);
});

test.each([
  ["a wrong secret", { keys: { accessKeyId: "", secretAccessKey: "wrong" } }, "SignatureDoesNotMatch"],
  ["another service in the scope", { service: "iam" }, "SignatureDoesNotMatch"],
  ["another region in the scope", { region: "us-west-2" }, "SignatureDoesNotMatch"],
  ["a signature of ten minutes ago", { datetime: stampOf(-10) }, "SignatureDoesNotMatch"],
  ["a signature of ten minutes ahead", { datetime: stampOf(10) }, "SignatureDoesNotMatch"],
  ["a body changed after signing", { tamper: (_: Headers, body: string) => `${body}&X=1` }, "SignatureDoesNotMatch"],
  ["an unsigned x-amz header", { tamper: addHeader }, "SignatureDoesNotMatch"],
  [
    "an unknown access key",
    { keys: { accessKeyId: "AKIAUNKNOWNUNKNOWN12", secretAccessKey: "x" } },
    "InvalidClientTokenId",
  ],
])("%s is refused as %s", async (_name, signing, code) => {
  const keys =
    "keys" in signing ? { ...signing.keys, accessKeyId: signing.keys.accessKeyId || platform.accessKeyId } : platform;
  expect(await refusalOf(call({ Action: "GetCallerIdentity" }, { ...signing, keys }))).toEqual([403, code]);
});

test("no signature and an incomplete one are refused", async () => {
  const withoutHeader = (headers: Headers, body: string) => {
    headers.delete("authorization");
    return body;
  };
  const withBrokenHeader = (headers: Headers, body: string) => {
    headers.set("authorization", "AWS4-HMAC-SHA256 x");
    return body;
  };
  const identity = (tamper: NonNullable<Signing["tamper"]>) =>
    refusalOf(call({ Action: "GetCallerIdentity" }, { tamper }));
  expect(await identity(withoutHeader)).toEqual([403, "MissingAuthenticationToken"]);
  expect(await identity(withBrokenHeader)).toEqual([400, "IncompleteSignature"]);
});

test("temporary credentials need their own session token, end on time and assume nothing", async () => {
  await control(sandbox, "/_tokens", { provider: "aws", expires_in: 2 });
  const { read } = await assume(`${ACCOUNT}/Short`, randomUUID());
  const keys = { accessKeyId: read("AccessKeyId"), secretAccessKey: read("SecretAccessKey") };
  const identity = (sessionToken?: string) =>
    refusalOf(call({ Action: "GetCallerIdentity" }, { keys: { ...keys, ...(sessionToken ? { sessionToken } : {}) } }));
  expect(await identity()).toEqual([403, "InvalidClientTokenId"]);
  expect(await identity("wrong")).toEqual([403, "InvalidClientTokenId"]);
  const whole = { ...keys, sessionToken: read("SessionToken") };
  expect(await refusalOf(assume(`${ACCOUNT}/Chained`, randomUUID(), {}, { keys: whole }))).toEqual([
    403,
    "AccessDenied",
  ]);
  await expect.poll(() => identity(whole.sessionToken), { timeout: 5000 }).toEqual([403, "ExpiredToken"]);
});

test("another action, another version and another method are refused", async () => {
  expect(await refusalOf(call({ Action: "GetSessionToken" }))).toEqual([400, "InvalidAction"]);
  expect(await refusalOf(call({ Action: "GetCallerIdentity", Version: "2012-01-01" }))).toEqual([400, "InvalidAction"]);
  expect((await fetch(`${sandbox.address}/sts.amazonaws.com/`)).status).toBe(405);
});

function stampOf(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toISOString().replace(/[-:]|\.\d+/g, "");
}

function addHeader(headers: Headers, body: string): string {
  headers.set("x-amz-target", "Other");
  return body;
}
