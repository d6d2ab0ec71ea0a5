import { importPKCS8, SignJWT } from "jose";
import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { parseJsonObject, readText } from "../domain/json.ts";
import type { UpstreamOptions } from "../domain/ports/upstream.ts";
import type { SecretData } from "../domain/token-data.ts";
import { REFRESH_TIMEOUT_MS } from "./oauth2.ts";
import { bearerRequest, probe } from "./probe.ts";
import type { Acquired, ProviderContext } from "./provider.ts";
import { readTokenAnswer, type Verdicts } from "./token-answer.ts";

const NAME = "Google Cloud";
/** The only place an assertion is sent to, whatever a key file names. */
const TOKEN_URI = "https://oauth2.googleapis.com/token";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform";
/** The longest Google takes. */
const ASSERTION_SECONDS = 3600;
const MAX_FILE_CHARACTERS = 20_000;
const PEM = /^-----BEGIN PRIVATE KEY-----\s[A-Za-z0-9+/=\s]+-----END PRIVATE KEY-----\s*$/;

/** What is read of a key file. */
const keyFile = z.object({
  type: z.literal("service_account"),
  project_id: z.string().min(1).max(200),
  private_key_id: z.string().min(1).max(200).optional(),
  private_key: z.string().regex(PEM, "must be a private key in PEM (PKCS 8)"),
  client_email: z.string().regex(/^[\w.-]{1,100}@[\w.-]{1,150}\.gserviceaccount\.com$/, "must be a service account's"),
  token_uri: z.literal(TOKEN_URI),
});
type KeyFile = z.output<typeof keyFile>;

/** The JSON text of a key file as Google makes it. */
export const serviceAccountJson = z
  .string()
  .max(MAX_FILE_CHARACTERS)
  .superRefine((text, context) => {
    const { error } = keyFile.safeParse(parseJsonObject(text));
    for (const { path, message } of error?.issues ?? []) context.addIssue({ code: "custom", path, message });
  });

/** Proves a key file by a token and the projects it sees. @throws `invalid_request` for a key that cannot sign. */
export async function connectByKey(json: string, context: ProviderContext): Promise<Acquired> {
  const file = keyFile.parse(parseJsonObject(json));
  const tokens = await mint(file, context, "provider_rejected");
  // One page: whether there is any is the question.
  const url = "https://cloudresourcemanager.googleapis.com/v1/projects";
  const { projects } = await probe(NAME, bearerRequest(url, String(tokens["access_token"])), context);
  if (!Array.isArray(projects) || projects.length === 0) {
    throw new AppError("provider_rejected", "This service account sees no project. Give it a role in one.");
  }
  return {
    secret: { ...tokens, auth_type: "service_account", client_email: file.client_email, service_account_json: json },
    account: file.client_email,
    upstreamAccount: null,
    scopes: [CLOUD_PLATFORM],
    metadata: { auth_type: "service_account", default_project_id: file.project_id, projects_count: projects.length },
  };
}

/** A fresh token from a stored key file, whose `token_uri` is looked at again. */
export async function refreshByKey(secret: SecretData, context: ProviderContext): Promise<SecretData> {
  const file = keyFile.safeParse(parseJsonObject(readText(secret, "service_account_json") ?? ""));
  if (!file.success) throw new AppError("reauth_required", "The stored key file is not valid. Connect it again.");
  const tokens = await mint(file.data, context, "reauth_required", { timeoutMs: REFRESH_TIMEOUT_MS });
  const { expires_at: _expiresAt, ...kept } = secret;
  return { ...kept, ...tokens };
}

/**
 * Trades a signed assertion for an access token.
 *
 * @param refusal What a refused key is: Google's answer does not tell a deleted one from a wrong one.
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
async function mint(
  file: KeyFile,
  context: ProviderContext,
  refusal: "provider_rejected" | "reauth_required",
  options: UpstreamOptions = {},
): Promise<SecretData> {
  const body = new URLSearchParams({ grant_type: GRANT, assertion: await signAssertion(file, context) });
  const answer = await context.send(new Request(TOKEN_URI, { method: "POST", body }), options);
  const upstream = { name: NAME, now: context.now };
  const { accessToken, tokenType, expiresAt } = await readTokenAnswer(answer, upstream, verdicts(refusal));
  return {
    access_token: accessToken,
    token_type: tokenType,
    scope: CLOUD_PLATFORM,
    ...(expiresAt !== null && { expires_at: expiresAt }),
  };
}

function verdicts(code: "provider_rejected" | "reauth_required"): Verdicts {
  const message = `${NAME} does not accept this service account's key: it is deleted, disabled or not its own.`;
  const verdict = { code, message };
  return { invalid_grant: verdict, invalid_client: verdict, unauthorized_client: verdict, disabled_client: verdict };
}

async function signAssertion(file: KeyFile, { now }: ProviderContext): Promise<string> {
  const assertion = new SignJWT({ scope: CLOUD_PLATFORM })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(file.private_key_id && { kid: file.private_key_id }) })
    .setIssuer(file.client_email)
    .setAudience(TOKEN_URI)
    .setIssuedAt(now)
    .setExpirationTime(now + ASSERTION_SECONDS);
  try {
    return await assertion.sign(await importPKCS8(file.private_key, "RS256"));
  } catch {
    // The library's error may quote the key: it ends here.
    throw new AppError("invalid_request", "The private key in this file cannot be read.");
  }
}
