import { createHash, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { decodeJwt, jwtVerify } from "jose";
import type { AuthorizationServer, IssuedToken } from "../oidc/authorization-server.ts";
import type { SandboxContext } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import { type Answer, json } from "../wire.ts";

export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_URI = "https://oauth2.googleapis.com/token";
const PROJECT = "sandbox-web";
const EMAIL = `aurora@${PROJECT}.iam.gserviceaccount.com`;
/** It has a role nowhere, so that it sees no project. */
export const POWERLESS_EMAIL = `norole@${PROJECT}.iam.gserviceaccount.com`;
const SCOPES = "https://www.googleapis.com/auth/";
/** Google allows the clocks to differ by ten minutes, and an assertion an hour. */
const SKEW_SECONDS = 600;
const MAX_LIFE_SECONDS = 3600;
const KEY_BITS = 2048;

/** Service accounts with one key each, and the tokens their assertions are traded for. */
export interface ServiceAccounts {
  /** The key file as Google lets it be downloaded, once. */
  readonly keyFile: () => string;
  /** The same of the account that has a role nowhere. */
  readonly powerlessKeyFile: () => string;
  readonly exchange: (form: URLSearchParams, settings: TokenSettings) => Promise<Answer>;
  /** The server, knowing the service account's tokens too. */
  readonly knowing: (server: AuthorizationServer) => AuthorizationServer;
}

interface ServiceAccount {
  readonly email: string;
  readonly uniqueId: string;
  readonly privateKey: () => string;
}

/** @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
export function createServiceAccounts(context: SandboxContext): ServiceAccounts {
  // A key is made when first asked for: most stacks never use it, and an RSA key takes its time.
  const account = (email: string, uniqueId: string, secret: string): ServiceAccount => {
    return { email, uniqueId, privateKey: () => context.secret(secret, createKey) };
  };
  const aurora = account(EMAIL, "108234567890123456789", "gcp-service-account-key");
  const powerless = account(POWERLESS_EMAIL, "109345678901234567890", "gcp-powerless-service-account-key");
  return {
    keyFile: () => describeKey(aurora),
    powerlessKeyFile: () => describeKey(powerless),
    exchange: (form, settings) => exchange(context, form, settings, [aurora, powerless]),
    knowing: (server) => ({
      ...server,
      findAccessToken: async (value) =>
        (context.state.get(keyOf(value)) as IssuedToken | null) ?? server.findAccessToken(value),
    }),
  };
}

function describeKey(account: ServiceAccount): string {
  const { email, uniqueId, privateKey } = account;
  return JSON.stringify({
    ...{ type: "service_account", project_id: PROJECT, private_key_id: keyIdOf(account), private_key: privateKey() },
    ...{ client_email: email, client_id: uniqueId, token_uri: TOKEN_URI },
    ...{ auth_uri: "https://accounts.google.com/o/oauth2/auth", universe_domain: "googleapis.com" },
  });
}

async function exchange(
  { state, now }: SandboxContext,
  form: URLSearchParams,
  settings: TokenSettings,
  accounts: readonly ServiceAccount[],
): Promise<Answer> {
  const assertion = form.get("assertion") ?? "";
  const account = accounts.find(({ email }) => email === readIssuer(assertion));
  if (!account) return refuse("invalid_grant", "Invalid grant: account not found");
  const scopes = await readAssertion(assertion, now(), account);
  if (typeof scopes === "string") return refuse("invalid_grant", scopes);
  if (scopes.length === 0 || scopes.some((scope) => !scope.startsWith(SCOPES))) {
    return refuse("invalid_scope", "Invalid OAuth scope or ID token audience provided.");
  }
  const token = `ya29.c.${randomBytes(120).toString("base64url")}`;
  const { email, uniqueId } = account;
  const issued: IssuedToken = { grantId: keyIdOf(account), sub: uniqueId, email, scopes };
  state.set(keyOf(token), issued, now() + settings.expires_in * 1000);
  return json(200, { access_token: token, expires_in: settings.expires_in, token_type: "Bearer" });
}

/** Whom the assertion says it is of, not proven yet; null when it is no JWT. */
function readIssuer(assertion: string): string | null {
  try {
    return decodeJwt(assertion).iss ?? null;
  } catch {
    return null; // Refused as an account nobody knows.
  }
}

/** The scopes asked for, or what is wrong. */
async function readAssertion(
  assertion: string,
  nowMs: number,
  account: ServiceAccount,
): Promise<readonly string[] | string> {
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, createPublicKey(account.privateKey()), {
      ...{ algorithms: ["RS256"], audience: TOKEN_URI, clockTolerance: SKEW_SECONDS, currentDate: new Date(nowMs) },
      requiredClaims: ["iss", "aud", "iat", "exp"],
    });
    if (protectedHeader.kid !== undefined && protectedHeader.kid !== keyIdOf(account)) return "Invalid JWT Signature.";
    const [iat = 0, exp = 0] = [payload.iat, payload.exp];
    if (exp - iat > MAX_LIFE_SECONDS || iat > nowMs / 1000 + SKEW_SECONDS) {
      return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
    }
    return typeof payload["scope"] === "string" ? payload["scope"].split(" ").filter(Boolean) : [];
  } catch {
    // What was wrong with it is for the caller to find out, as with Google.
    return "Invalid JWT Signature.";
  }
}

function keyIdOf({ privateKey }: ServiceAccount): string {
  return createHash("sha1").update(privateKey()).digest("hex");
}

function refuse(error: string, error_description: string): Answer {
  return json(400, { error, error_description });
}

function createKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: KEY_BITS });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

function keyOf(token: string): string {
  return `gcp/service-account/${createHash("sha256").update(token).digest("base64url")}`;
}
