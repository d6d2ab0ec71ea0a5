import { describe, expect, test } from "vitest";
import { verifySignature } from "../../../local/sandbox/providers/aws-signature.ts";
import { epochSeconds } from "../../../src/domain/time.ts";
import type { TokenData } from "../../../src/domain/token-data.ts";
import { injectCredential, injectionsOf, needsWholeBody } from "../../../src/providers/inject.ts";
import type { Provider } from "../../../src/providers/provider.ts";
import { createRegistry, PROVIDERS } from "../../../src/providers/registry.ts";

const NOW = epochSeconds(1_800_000_000);
const find = (id: string): Provider => {
  const provider = createRegistry([]).find(id);
  if (provider === null) throw new Error(`no provider ${id}`);
  return provider;
};

/** The headers a request leaves with; `sent` are the caller's own. */
async function inject(id: string, tokenData: TokenData, sent: Record<string, string> = {}) {
  const headers = new Headers(sent);
  await injectCredential(find(id), tokenData, { method: "GET", url: "https://x.example/", headers, body: null }, NOW);
  return Object.fromEntries(headers);
}

describe("a credential travels", () => {
  test.each<[string, TokenData, Record<string, string>]>([
    ["gcp", { access_token: "t" }, { authorization: "Bearer t" }],
    ["azure", { access_token: "t" }, { authorization: "Bearer t" }],
    ["grafana", { service_account_token: "glsa_1" }, { authorization: "Bearer glsa_1" }],
  ])("of %s as its provider has it", async (id, tokenData, expected) => {
    expect(await inject(id, tokenData, { authorization: "the caller's own" })).toEqual(expected);
  });

  test.each(PROVIDERS.map((provider) => [provider.id, provider] as const))(
    "of %s in fields that its callers may see",
    (_, provider) => {
      for (const injection of injectionsOf(provider)) {
        const fields = {
          bearer: () => ("field" in injection ? [injection.field] : []),
          cookie: () => ("field" in injection ? [injection.field] : []),
          basic: () => ("user" in injection ? [injection.user, injection.password] : []),
          headers: () => ("fields" in injection ? Object.values(injection.fields) : []),
          sigv4: () => ["access_key_id", "secret_access_key", "session_token"],
        }[injection.kind]();
        expect(fields.length).toBeGreaterThan(0);
        expect(fields.filter((field) => !provider.exposes.includes(field))).toEqual([]);
      }
    },
  );

  const shaped = (inject: NonNullable<Provider["inject"]>): Provider => ({ ...find("grafana"), inject });
  const write = async (inject: NonNullable<Provider["inject"]>, tokenData: TokenData) => {
    const headers = new Headers();
    const request = { method: "GET", url: "https://x.example/", headers, body: null };
    await injectCredential(shaped(inject), tokenData, request, NOW);
    return Object.fromEntries(headers);
  };

  test("as headers, a cookie, a pair, or the first of several that is there", async () => {
    expect(await write([{ kind: "headers", fields: { a: "x", b: "y" } }], { x: "1", y: "2" })).toEqual({
      a: "1",
      b: "2",
    });
    expect(await write([{ kind: "cookie", name: "sid", field: "x" }], { x: "1" })).toEqual({ cookie: "sid=1" });
    const either: Provider["inject"] = [
      { kind: "basic", user: "u", password: "p" },
      { kind: "bearer", field: "t" },
    ];
    expect(await write(either, { u: "ann", p: "s:3", t: "t" })).toEqual({ authorization: `Basic ${btoa("ann:s:3")}` });
    expect(await write(either, { u: "ann", t: "t" })).toEqual({ authorization: "Bearer t" });
  });

  test.each<[string, NonNullable<Provider["inject"]>, TokenData]>([
    ["nothing of it is there", [{ kind: "bearer", field: "t" }], {}],
    ["it is not text", [{ kind: "bearer", field: "t" }], { t: 7 }],
    ["it would begin another header", [{ kind: "bearer", field: "t" }], { t: "a\r\nx-evil: 1" }],
    ["it is not ASCII", [{ kind: "bearer", field: "t" }], { t: "ключ" }],
    ["it would begin another cookie", [{ kind: "cookie", name: "s", field: "t" }], { t: "a; admin=1" }],
    ["the user's name has a colon", [{ kind: "basic", user: "t", password: "t" }], { t: "a:b" }],
    ["one of two is missing", [{ kind: "headers", fields: { a: "x", b: "y" } }], { x: "1" }],
  ])("not at all when %s", async (_, inject, tokenData) => {
    await expect(write(inject, tokenData)).rejects.toMatchObject({ code: "reauth_required" });
  });
});

describe("a call to AWS", () => {
  const keys = { access_key_id: "AKID", secret_access_key: "secret", session_token: "session" };
  const sign = async (url: string, init: { method?: string; body?: string; headers?: Record<string, string> } = {}) => {
    const headers = new Headers(init.headers);
    const body = init.body === undefined ? null : new Uint8Array(new TextEncoder().encode(init.body));
    const { method = "GET" } = init;
    await injectCredential(find("aws"), keys, { method, url, headers, body }, NOW);
    const { pathname, host, search, searchParams } = new URL(url);
    const request = {
      ...{ method, host, path: pathname, query: searchParams, search, headers: Object.fromEntries(headers) },
      body: Buffer.from(init.body ?? ""),
    };
    return { headers, request };
  };
  const verify = (request: Parameters<typeof verifySignature>[0], service: string, region = "us-east-1") =>
    verifySignature(request, { region, service, nowMs: NOW * 1000, readSecret: () => "secret" });

  test.each([
    ["sts", "us-east-1", "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"],
    ["ec2", "eu-west-1", "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeInstances&Filter.1.Name=a%2Fb&x=a%20b"],
    ["organizations", "us-east-1", "https://organizations.us-east-1.amazonaws.com/"],
  ])("of %s is signed for its service and region %s", async (service, region, url) => {
    const { request } = await sign(url, { method: "POST", body: '{"a":1}', headers: { "x-amz-target": "T.A" } });
    expect(verify(request, service, region)).toEqual({ accessKeyId: "AKID" });
    expect(verify({ ...request, body: Buffer.from("other") }, service, region)).toHaveProperty("refusal");
  });

  test("does not sign what the caller says of a signature of its own", async () => {
    const headers = {
      ...{
        authorization: "AWS4-HMAC-SHA256 theirs",
        "x-amz-date": "20200101T000000Z",
        "x-amz-security-token": "theirs",
      },
      ...{ "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
    };
    const signed = await sign("https://sts.amazonaws.com/", { headers });
    expect(signed.headers.get("x-amz-security-token")).toBe("session");
    expect(signed.headers.has("x-amz-content-sha256")).toBe(false);
    expect(verify(signed.request, "sts")).toEqual({ accessKeyId: "AKID" });
  });

  test("signs no header that may change on the way", async () => {
    const { headers } = await sign("https://sts.amazonaws.com/", {
      headers: { "accept-encoding": "gzip", accept: "*/*" },
    });
    expect(headers.get("authorization")).toContain("SignedHeaders=host;x-amz-date;x-amz-security-token,");
  });

  test("needs its body whole, but for S3, which takes one nobody has read", async () => {
    expect(needsWholeBody(find("aws"), "ec2.us-east-1.amazonaws.com")).toBe(true);
    expect(needsWholeBody(find("aws"), "s3.us-east-1.amazonaws.com")).toBe(false);
    expect(needsWholeBody(find("gcp"), "storage.googleapis.com")).toBe(false);
    const { headers } = await sign("https://s3.us-east-1.amazonaws.com/bucket/key", { method: "PUT" });
    expect(headers.get("x-amz-content-sha256")).toBe("UNSIGNED-PAYLOAD");
    expect(headers.get("authorization")).toContain("/us-east-1/s3/aws4_request");
  });

  test.each(find("aws").apiHosts)("of %s names a service and a region", async (host) => {
    const { headers } = await sign(`https://${host}/`);
    expect(headers.get("authorization")).toMatch(/Credential=AKID\/\d{8}\/[a-z]{2}-[a-z]+-\d\/[a-z0-9]+\/aws4_request/);
  });

  test("without keys is refused", async () => {
    const request = { method: "GET", url: "https://sts.amazonaws.com/", headers: new Headers(), body: null };
    await expect(injectCredential(find("aws"), { role_arn: "a" }, request, NOW)).rejects.toMatchObject({
      code: "reauth_required",
    });
  });
});
