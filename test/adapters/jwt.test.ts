import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createSessionTokens } from "../../src/adapters/jwt.ts";
import { createId } from "../../src/domain/ids.ts";
import type { SessionClaims } from "../../src/domain/ports/identity.ts";
import { createSecret } from "../../src/domain/secret.ts";
import { addSeconds, epochSeconds } from "../../src/domain/time.ts";
import { randomBytes } from "../support/random-bytes.ts";

const NOW = epochSeconds(1_800_000_000);
const SECRET = "the present secret, 32 characters";
const PREVIOUS = "the previous secret, 32 characters";
const ISSUER = "https://aurora.example";

const previousSecrets = [createSecret(PREVIOUS)];
const settings = { secret: createSecret(SECRET), previousSecrets, issuer: ISSUER, now: () => NOW };
const tokens = createSessionTokens(settings);
const claims: SessionClaims = {
  sessionId: createId("ses", randomBytes),
  userId: createId("usr", randomBytes),
  workspaceId: createId("wsp", randomBytes),
  email: "ada@example.com",
  role: "operator",
  issuedAt: NOW,
  expiresAt: addSeconds(NOW, 3600),
};

const HEADER = { alg: "HS256", typ: "at+jwt", kid: keyId(SECRET) };
const PAYLOAD = {
  sub: claims.email,
  role: claims.role,
  uid: claims.userId,
  wid: claims.workspaceId,
  jti: claims.sessionId,
  iss: ISSUER,
  aud: "aurora-edge",
  iat: NOW,
  exp: NOW + 3600,
};

function keyId(secret: string): string {
  const digest = createHash("sha256").update(secret).digest("hex");
  return digest.slice(0, 8);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** A token made by hand, right in everything the change leaves alone. */
function forge(header: object = {}, payload: object = {}, secret = SECRET, hash = "sha256"): string {
  const signed = `${encode({ ...HEADER, ...header })}.${encode({ ...PAYLOAD, ...payload })}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}

describe("a token of ours", () => {
  test("is verified with the claims it was signed with", async () => {
    expect(await tokens.verify(await tokens.sign(claims))).toEqual(claims);
  });

  test("names its type and its key, and the claims clients know", async () => {
    const [header = "", payload = ""] = (await tokens.sign(claims)).split(".");
    const parse = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
    expect(parse(header)).toEqual(HEADER);
    expect(parse(payload)).toEqual(PAYLOAD);
  });

  test("signed with the previous secret still counts, and new ones are not signed with it", async () => {
    const before = createSessionTokens({ ...settings, secret: createSecret(PREVIOUS), previousSecrets: [] });
    const old = await before.sign(claims);
    expect(await tokens.verify(old)).toEqual(claims);
    expect(await before.verify(await tokens.sign(claims))).toBeNull();
    const after = createSessionTokens({ ...settings, previousSecrets: [] });
    expect(await after.verify(old)).toBeNull();
  });

  test("counts for 60 s of another machine's clock, which does not lengthen its life", async () => {
    expect(await tokens.verify(forge({}, { iat: NOW + 60, exp: NOW + 3660 }))).not.toBeNull();
    expect(await tokens.verify(forge({}, { iat: NOW - 10, exp: NOW + 1 }))).not.toBeNull();
    expect(await tokens.verify(forge({}, { iat: NOW - 10, exp: NOW }))).toBeNull();
  });
});

describe("refused", () => {
  test("the forgery these tests start from is good", async () => {
    expect(await tokens.verify(forge())).toEqual(claims);
  });

  test.each([
    ["alg none", () => `${encode({ ...HEADER, alg: "none" })}.${encode(PAYLOAD)}.`],
    ["alg none with a signature", () => forge({ alg: "none" })],
    ["alg None", () => forge({ alg: "None" })],
    ["HS384", () => forge({ alg: "HS384" }, {}, SECRET, "sha384")],
    ["HS512 with the right secret", () => forge({ alg: "HS512" }, {}, SECRET, "sha512")],
    ["RS256 in name only", () => forge({ alg: "RS256" })],
    ["ES256 in name only", () => forge({ alg: "ES256" })],
    ["another secret", () => forge({}, {}, "somebody else's secret, 32 characters")],
    ["the example's secret", () => forge({}, {}, "replace-me-with-32-or-more-random-characters")],
    ["an empty secret", () => forge({}, {}, "")],
    ["an embedded key", () => forge({ jwk: { kty: "oct", k: "AAAA" } }, {}, "\0\0\0")],
    ["a jku and another secret", () => forge({ jku: "https://evil.example/keys" }, {}, "other")],
    ["an unknown critical header", () => forge({ crit: ["b64"], b64: false })],
    ["no kid", () => forge({ kid: undefined })],
    ["an unknown kid", () => forge({ kid: "00000000" })],
    ["a kid that is a path", () => forge({ kid: "../../dev/null" })],
    ["a kid that is SQL", () => forge({ kid: "' or 1=1 --" })],
    ["the previous key's kid on the present key", () => forge({ kid: keyId(PREVIOUS) })],
    ["another type", () => forge({ typ: "JWT" })],
    ["no type", () => forge({ typ: undefined })],
    ["a ticket's type", () => forge({ typ: "ws-ticket+jwt" })],
    ["another issuer", () => forge({}, { iss: "https://evil.example" })],
    ["another audience", () => forge({}, { aud: "https://evil.example" })],
    ["several audiences", () => forge({}, { aud: ["aurora-edge", "other"] })],
    ["an expiry that is text", () => forge({}, { exp: String(NOW + 3600) })],
    ["an expiry with a fraction", () => forge({}, { exp: NOW + 0.5 })],
    ["an expiry beyond any session", () => forge({}, { exp: NOW + 40 * 86_400 })],
    ["an expiry that is no time", () => forge({}, { exp: 1e300 })],
    ["expired", () => forge({}, { iat: NOW - 7200, exp: NOW - 1 })],
    ["not valid yet", () => forge({}, { nbf: NOW + 61 })],
    ["issued in the future", () => forge({}, { iat: NOW + 61 })],
    ["a role that does not exist", () => forge({}, { role: "root" })],
    ["the role of keys", () => forge({}, { role: "api_service" })],
    ["a user id of another kind", () => forge({}, { uid: createId("key", randomBytes) })],
    ["a session id of another kind", () => forge({}, { jti: "1" })],
    ["padding", () => `${forge()}=`],
    [
      "another spelling of the signature",
      () => forge().replace(/.$/, (last) => String.fromCharCode(last.charCodeAt(0) + 1)),
    ],
    ["white space", () => ` ${forge()}`],
    ["a changed payload", () => forge().replace(/\.(.)/, (_all, first) => `.${first === "e" ? "f" : "e"}`)],
    ["no signature", () => forge().replace(/[^.]+$/, "")],
    ["two parts", () => forge().split(".").slice(0, 2).join(".")],
    ["an encrypted token's five parts", () => `${forge()}.a.b`],
    ["an endless token", () => `${"a".repeat(5000)}.a.a`],
    ["nothing", () => ""],
  ])("%s", async (_name, make) => {
    expect(await tokens.verify(make())).toBeNull();
  });

  test.each(["sub", "role", "exp", "iat", "uid", "wid", "jti", "iss", "aud"])("a token without %s", async (claim) => {
    expect(await tokens.verify(forge({}, { [claim]: undefined }))).toBeNull();
  });
});
