import { createHash, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { jwtVerify } from "jose";
import type { AuthorizationServer, IssuedToken } from "../oidc/authorization-server.ts";
import type { SandboxContext } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import { type Answer, json } from "../wire.ts";

export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_URI = "https://oauth2.googleapis.com/token";
const PROJECT = "sandbox-web";
const EMAIL = `aurora@${PROJECT}.iam.gserviceaccount.com`;
const SCOPES = "https://www.googleapis.com/auth/";
/** Google allows the clocks to differ by ten minutes, and an assertion an hour. */
const SKEW_SECONDS = 600;
const MAX_LIFE_SECONDS = 3600;
const KEY_BITS = 2048;

/** A service account with one key, and the tokens its assertions are traded for. */
export interface ServiceAccounts {
  /** The key file as Google lets it be downloaded, once. */
  readonly keyFile: () => string;
  readonly exchange: (form: URLSearchParams, settings: TokenSettings) => Promise<Answer>;
  /** The server, knowing the service account's tokens too. */
  readonly knowing: (server: AuthorizationServer) => AuthorizationServer;
}

/** @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
export function createServiceAccounts(context: SandboxContext): ServiceAccounts {
  // Made when first asked for: most stacks never use it, and an RSA key takes its time.
  const privateKey = () => context.secret("gcp-service-account-key", createKey);
  const keyId = () => createHash("sha1").update(privateKey()).digest("hex");
  return {
    keyFile: () =>
      JSON.stringify({
        ...{ type: "service_account", project_id: PROJECT, private_key_id: keyId(), private_key: privateKey() },
        ...{ client_email: EMAIL, client_id: "108234567890123456789", token_uri: TOKEN_URI },
        ...{ auth_uri: "https://accounts.google.com/o/oauth2/auth", universe_domain: "googleapis.com" },
      }),
    exchange: (form, settings) => exchange(context, form, settings, privateKey, keyId),
    knowing: (server) => ({
      ...server,
      findAccessToken: async (value) =>
        (context.state.get(keyOf(value)) as IssuedToken | null) ?? server.findAccessToken(value),
    }),
  };
}

async function exchange(
  { state, now }: SandboxContext,
  form: URLSearchParams,
  settings: TokenSettings,
  privateKey: () => string,
  keyId: () => string,
): Promise<Answer> {
  const scopes = await readAssertion(form.get("assertion") ?? "", now(), privateKey, keyId);
  if (typeof scopes === "string") return refuse("invalid_grant", scopes);
  if (scopes.length === 0 || scopes.some((scope) => !scope.startsWith(SCOPES))) {
    return refuse("invalid_scope", "Invalid OAuth scope or ID token audience provided.");
  }
  const token = `ya29.c.${randomBytes(120).toString("base64url")}`;
  const issued: IssuedToken = { grantId: keyId(), sub: "108234567890123456789", email: EMAIL, scopes };
  state.set(keyOf(token), issued, now() + settings.expires_in * 1000);
  return json(200, { access_token: token, expires_in: settings.expires_in, token_type: "Bearer" });
}

/** The scopes asked for, or what is wrong. */
async function readAssertion(
  assertion: string,
  nowMs: number,
  privateKey: () => string,
  keyId: () => string,
): Promise<readonly string[] | string> {
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, createPublicKey(privateKey()), {
      ...{ algorithms: ["RS256"], audience: TOKEN_URI, clockTolerance: SKEW_SECONDS, currentDate: new Date(nowMs) },
      requiredClaims: ["iss", "aud", "iat", "exp"],
    });
    if (payload.iss !== EMAIL) return "Invalid grant: account not found";
    if (protectedHeader.kid !== undefined && protectedHeader.kid !== keyId()) return "Invalid JWT Signature.";
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
