import { z } from "zod";
import { AppError, isAppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { baseUrl, normaliseBaseUrl } from "./base-url.ts";
import { type CookieLogin, logIn } from "./cookie-login.ts";
import { REFRESH_TIMEOUT_MS } from "./oauth2.ts";
import { probe } from "./probe.ts";
import type { Acquired, Provider, ProviderContext } from "./provider.ts";

const WRONG = "Coroot does not accept this email and password.";
// Coroot answers 404 to a wrong password. Its first user is plainly called admin: the email need not look like one.
const LOGIN: CookieLogin = { name: "Coroot", cookie: "coroot_session", refusals: { 401: WRONG, 404: WRONG } };
const login = { base_url: baseUrl, email: z.string().min(1).max(254), password: z.string().min(1).max(1024) };
const credentials = z.strictObject(login);

/** @see https://docs.coroot.com/configuration/authentication and https://github.com/coroot/coroot/blob/main/api/auth.go */
export const coroot = {
  id: "coroot",
  name: LOGIN.name,
  kind: "api_key",
  docsUrl: "https://docs.coroot.com/configuration/authentication",
  ...{ apiHosts: [], scopes: [], settings: [], authorization: null, revoke: null },
  inject: [{ kind: "cookie", name: LOGIN.cookie, field: "session_cookie" }],
  exposes: ["session_cookie", "expires_at", "base_url"],
  credentials,
  storable: z.looseObject({ ...login, session_cookie: z.string().min(1).optional() }),
  connect: (raw, context) => connect(credentials.parse(raw), context),
  refresh,
} as const satisfies Provider;

async function connect(raw: z.output<typeof credentials>, context: ProviderContext): Promise<Acquired> {
  const base_url = normaliseBaseUrl(raw.base_url);
  const { email, password } = raw;
  const session = await logIn(LOGIN, `${base_url}/api/login`, { email, password }, context);
  const headers = { accept: "application/json", cookie: `${LOGIN.cookie}=${session["session_cookie"]}` };
  const user = await probe(LOGIN.name, new Request(`${base_url}/api/user`, { headers }), context);
  const name = readText(user, "email");
  if (name === null) throw new AppError("provider_rejected", "There is no Coroot at this address.");
  const account = `${new URL(base_url).host}/${name}`;
  const projects = Array.isArray(user["projects"]) ? user["projects"] : [];
  const secret = { base_url, email, password, ...session };
  return { secret, account, upstreamAccount: null, scopes: [], metadata: { base_url, projects } };
}

/** Logs in again: nothing else prolongs a session. */
async function refresh(secret: SecretData, context: ProviderContext): Promise<SecretData> {
  const stored = z.object(login).safeParse(secret);
  if (!stored.success) throw new AppError("reauth_required", "The stored login is incomplete. Connect it again.");
  const { base_url, ...body } = stored.data;
  try {
    const url = `${normaliseBaseUrl(base_url)}/api/login`;
    const session = await logIn(LOGIN, url, body, context, { timeoutMs: REFRESH_TIMEOUT_MS });
    const { expires_at: _expiresAt, ...kept } = secret;
    return { ...kept, ...session };
  } catch (error) {
    if (!isAppError(error) || error.code !== "provider_rejected") throw error;
    throw new AppError("reauth_required", error.message);
  }
}
