import { describe, expect, test } from "vitest";
import { aws } from "../../src/providers/aws.ts";
import { lacksCredential } from "../../src/providers/provider.ts";
import { json, NOW, scripted } from "./scripted-upstream.ts";

const ARN = "arn:aws:iam::222233334444:role/AuroraRole";
const EXTERNAL_ID = "6f1b0e5c-2f0e-4a3b-9c1d-3f5a7b9d1e2f";

function assumed(changes: Record<string, string> = {}): Response {
  const fields = {
    AccessKeyId: "ASIA1",
    SecretAccessKey: "s/+=",
    SessionToken: "t/+==",
    Expiration: "2027-01-15T09:00:00Z",
    ...changes,
  };
  const inner = Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join("\n");
  return json(
    `<?xml version="1.0"?><AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>${inner}</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    200,
    { "content-type": "text/xml" },
  );
}

function refused(code: string, status = 403): Response {
  return json(
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>hunter2</Message></Error></ErrorResponse>`,
    status,
  );
}

describe("what connect takes", () => {
  test.each([
    [{ role_arn: ARN }],
    [{ role_arn: "arn:aws:iam::222233334444:role/team/a/Aurora+Role=1,2.3@x-y_z", region: "eu-west-1" }],
    [{ role_arn: "arn:aws-cn:iam::222233334444:role/R", region: "cn-north-1" }],
    [{ role_arn: "arn:aws-us-gov:iam::222233334444:role/R", region: "us-gov-east-1" }],
    [{ role_arn: ARN, read_only_role_arn: "arn:aws:iam::222233334444:role/Reader" }],
  ])("%j", (given) => {
    expect(aws.credentials.safeParse(given).success).toBe(true);
  });

  test.each([
    ["nothing", {}],
    ["an external id of the client's", { role_arn: ARN, external_id: EXTERNAL_ID }],
    ["a wildcard", { role_arn: "arn:aws:iam::222233334444:role/*" }],
    ["an account of 11 digits", { role_arn: "arn:aws:iam::22223333444:role/R" }],
    ["an unknown partition", { role_arn: "arn:aws-iso:iam::222233334444:role/R" }],
    ["a user", { role_arn: "arn:aws:iam::222233334444:user/R" }],
    ["a session", { role_arn: "arn:aws:sts::222233334444:assumed-role/R/s" }],
    ["no name", { role_arn: "arn:aws:iam::222233334444:role/" }],
    ["a line end", { role_arn: `${ARN}\n` }],
    ["a parameter", { role_arn: `${ARN}&ExternalId=x` }],
    ["an unknown region", { role_arn: ARN, region: "eu-west-9" }],
    ["a host for a region", { role_arn: ARN, region: "evil.example/" }],
    ["a region of another partition", { role_arn: ARN, region: "cn-north-1" }],
    ["a reader in another account", { role_arn: ARN, read_only_role_arn: "arn:aws:iam::333344445555:role/Reader" }],
  ])("not %s", (_what, given) => {
    expect(aws.credentials.safeParse(given).success).toBe(false);
  });

  test("a role name cannot make the check slow", () => {
    const started = performance.now();
    aws.credentials.safeParse({ role_arn: `arn:aws:iam::222233334444:role/${"a".repeat(50_000)}!` });
    aws.credentials.safeParse({ role_arn: `arn:aws:iam::222233334444:role/${"a/".repeat(50_000)}!` });
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe("connecting", () => {
  const connect = (...answers: Response[]) => {
    const { context, sent } = scripted(...answers);
    return { sent, acquired: aws.connect({ role_arn: ARN, region: "eu-west-1" }, context) };
  };

  test("assumes with the workspace's external id, then makes sure it cannot be done without", async () => {
    const { sent, acquired } = connect(assumed(), refused("AccessDenied"));
    expect(await acquired).toEqual({
      secret: {
        ...{
          role_arn: ARN,
          region: "eu-west-1",
          access_key_id: "ASIA1",
          secret_access_key: "s/+=",
          session_token: "t/+==",
        },
        expires_at: Date.parse("2027-01-15T09:00:00Z") / 1000,
      },
      account: "222233334444",
      upstreamAccount: null,
      scopes: [],
      metadata: { role_arn: ARN, region: "eu-west-1" },
    });
    const form = {
      ...{ Action: "AssumeRole", Version: "2011-06-15", RoleArn: ARN, DurationSeconds: "3600" },
      ...{ RoleSessionName: `aurora-${EXTERNAL_ID}`, ExternalId: EXTERNAL_ID },
    };
    const { ExternalId: _id, ...stranger } = form;
    expect(sent.map((request) => request.form)).toEqual([form, stranger]);
    expect(new Set(sent.map(({ url }) => url))).toEqual(new Set(["https://sts.eu-west-1.amazonaws.com/"]));
    const day = new Date(NOW * 1000).toISOString().slice(0, 10).replaceAll("-", "");
    expect(sent[0]?.headers.get("authorization")).toMatch(
      new RegExp(
        `^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${day}/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}$`,
      ),
    );
  });

  test("a role that anyone may assume through us is refused, and nothing is stored", async () => {
    await expect(connect(assumed(), assumed()).acquired).rejects.toMatchObject({
      code: "provider_rejected",
      message: expect.stringContaining("does not require the external id"),
    });
  });

  test.each([
    [
      "a throttle",
      json("<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", 400, { "retry-after": "9" }),
      9,
    ],
    ["another refusal", refused("ValidationError", 400), undefined],
    ["an outage", new Response("down", { status: 503 }), undefined],
    ["nonsense", json("{}", 200), undefined],
  ])("%s instead of a denial proves nothing", async (_what, answer, seconds) => {
    await expect(connect(assumed(), answer).acquired).rejects.toMatchObject({
      code: "provider_unavailable",
      retryAfterSeconds: seconds,
    });
  });

  test.each([
    ["AccessDenied", 403, "provider_rejected", "trust policy"],
    ["InvalidClientTokenId", 403, "provider_rejected", "operator"],
    ["SignatureDoesNotMatch", 403, "provider_rejected", "operator"],
    ["RegionDisabledException", 403, "provider_rejected", "region"],
    ["ValidationError", 400, "provider_rejected", "invalid"],
    ["SomethingNew", 400, "provider_rejected", "refused"],
    ["Throttling", 400, "provider_unavailable", "no usable answer"],
    ["InternalFailure", 500, "provider_unavailable", "no usable answer"],
  ])("%s (%i) → %s", async (code, status, expected, words) => {
    const failure = await connect(refused(code, status)).acquired.catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: expected, message: expect.stringContaining(words) });
    expect((failure as Error).message).not.toContain("hunter2");
  });

  test.each([
    ["a token twice", assumed({ SessionToken: "a</SessionToken><SessionToken>b" })],
    ["no token", assumed({ SessionToken: "" })],
    ["markup in a token", assumed({ SessionToken: "<b>x</b>" })],
    ["a page", json("<html><body>AssumeRoleResponse</body></html>")],
    ["a comment", json(`<!-- x -->${"<AssumeRoleResponse/>"}`)],
  ])("an answer with %s is none", async (_what, answer) => {
    await expect(connect(answer).acquired).rejects.toMatchObject({ code: "provider_unavailable" });
  });

  test.each(["", "soon", "-1"])("an expiration %j is an unknown one", async (Expiration) => {
    expect((await connect(assumed({ Expiration }), refused("AccessDenied")).acquired).secret).not.toHaveProperty(
      "expires_at",
    );
  });
});

describe("refreshing", () => {
  test("assumes again, once, and keeps the rest of the secret", async () => {
    const { context, sent } = scripted(assumed({ AccessKeyId: "ASIA2" }));
    const stored = { role_arn: ARN, read_only_role_arn: ARN, access_key_id: "ASIA1", expires_at: 5, grant: "g" };
    expect(await aws.refresh(stored, context)).toMatchObject({
      access_key_id: "ASIA2",
      grant: "g",
      read_only_role_arn: ARN,
      role_arn: ARN,
    });
    expect(sent.map(({ url, form, timeoutMs }) => [url, form["ExternalId"], timeoutMs])).toEqual([
      ["https://sts.amazonaws.com/", EXTERNAL_ID, 60_000],
    ]);
  });

  test("an external id somebody stored is not the one that is sent", async () => {
    const { context, sent } = scripted(assumed(), refused("AccessDenied"));
    await aws.refresh({ role_arn: ARN, external_id: "theirs" }, context);
    expect(sent[0]?.form["ExternalId"]).toBe(EXTERNAL_ID);
  });

  test("a role stored as given that opens without the external id gives no credential", async () => {
    const { context, sent } = scripted(assumed(), assumed());
    await expect(aws.refresh({ role_arn: ARN }, context)).rejects.toMatchObject({ code: "reauth_required" });
    expect(sent[1]?.form["ExternalId"]).toBeUndefined();
  });

  test("a role that was proven once is assumed in one call", async () => {
    const { context, sent } = scripted(assumed());
    await aws.refresh({ role_arn: ARN, access_key_id: "ASIAOLD" }, context);
    expect(sent).toHaveLength(1);
  });

  test.each([
    ["a denial", { role_arn: ARN }, refused("AccessDenied"), "reauth_required"],
    ["our own key refused", { role_arn: ARN }, refused("InvalidClientTokenId"), "provider_rejected"],
    ["a wrong stored role", { role_arn: "x" }, refused("AccessDenied"), "reauth_required"],
    [
      "a stored region of another partition",
      { role_arn: ARN, region: "cn-north-1" },
      refused("AccessDenied"),
      "reauth_required",
    ],
  ])("%s → %s", async (_what, stored, answer, code) => {
    await expect(aws.refresh(stored, scripted(answer).context)).rejects.toMatchObject({ code });
  });

  test("a role stored as the seed stores it has no credential yet", () => {
    const stored = { role_arn: ARN, external_id: EXTERNAL_ID };
    expect(aws.storable.safeParse(stored).success).toBe(true);
    expect(lacksCredential(aws, stored)).toBe(true);
    expect(lacksCredential(aws, { ...stored, access_key_id: "ASIA1" })).toBe(false);
  });
});
