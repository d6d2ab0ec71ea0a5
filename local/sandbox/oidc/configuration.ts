/// <reference path="./oidc-provider.d.ts" />
import { createHash, generateKeyPairSync } from "node:crypto";
import { type Interaction, interactionPolicy } from "oidc-provider";
import type { SandboxContext } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import { createAdapter } from "./adapter.ts";
import type { ConsentOptions } from "./consent.ts";
import { renderErrorPage } from "./consent-page.ts";

const CODE_SECONDS = 600;
const CONSENT_SECONDS = 3_600;
const REFRESH_TOKEN_SECONDS = 180 * 86_400;

export interface AuthorizationServerOptions extends ConsentOptions {
  readonly id: string;
  readonly issuer: string;
  readonly client: { readonly id: string; readonly secret: string; readonly authMethod: string };
  readonly paths: { readonly authorization: string; readonly token: string; readonly revocation: string };
  readonly scopes: readonly string[];
  /** Claims in an ID token and userinfo, by scope. */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  /** Authorization parameters of this vendor beside the standard ones. */
  readonly extraParams: readonly string[];
  readonly prefixes: { readonly accessToken: string; readonly refreshToken: string; readonly code: string };
  /** Whether a consent asked for with these parameters yields a refresh token. */
  readonly isOffline: (params: Interaction["params"]) => boolean;
  /** Default: a consent without PKCE is refused. */
  readonly isPkceOptional?: boolean;
}

const FEATURES = {
  devInteractions: { enabled: false },
  userinfo: { enabled: false },
  rpInitiatedLogout: { enabled: false },
  resourceIndicators: { enabled: false },
  // The default allows the same and prints a notice.
  revocation: {
    enabled: true,
    allowedPolicy: (_ctx: unknown, client: { clientId: string }, token: { clientId: string }) =>
      token.clientId === client.clientId,
  },
};

/** The configuration of oidc-provider: strict code flow, everything else off. */
export function configure(
  context: SandboxContext,
  options: AuthorizationServerOptions,
  settings: () => TokenSettings,
): Record<string, unknown> {
  const { state, now } = context;
  const prefix = `oidc/${options.id}`;
  return {
    adapter: createAdapter(state, prefix, now, () => settings().grace_seconds),
    jwks: { keys: [readSigningKey(context)] },
    clients: [describeClient(options.client)],
    scopes: options.scopes,
    claims: options.claims,
    extraParams: options.extraParams,
    routes: options.paths,
    // The default refuses as well and prints a notice.
    clientBasedCORS: () => false,
    pkce: { required: () => options.isPkceOptional !== true },
    features: FEATURES,
    cookies: { names: cookieNames(options.id) },
    interactions: createInteractions(new URL(options.issuer).host),
    findAccount: (_ctx: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, email: state.get(`${prefix}/email/${sub}`), email_verified: true }),
    }),
    issueRefreshToken: async (_ctx: unknown, _client: unknown, code: { grantId: string }) =>
      state.get(`${prefix}/offline/${code.grantId}`) === true,
    expiresWithSession: async () => false,
    rotateRefreshToken: () => settings().rotate,
    ttl: createLifetimes(settings),
    renderError(ctx: { type: string; body: string }, out: { error: string; error_description?: string }) {
      ctx.type = "html";
      ctx.body = renderErrorPage(`Error: ${out.error}`, out.error_description ?? "");
    },
  };
}

function describeClient({ id, secret, authMethod }: AuthorizationServerOptions["client"]) {
  return {
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: authMethod,
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    // Required by the schema; which ones are allowed is decided in the authorization server.
    redirect_uris: ["http://127.0.0.1/"],
  };
}

function createInteractions(host: string) {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }), 0);
  return { policy, url: (_ctx: unknown, { uid }: Interaction) => `/${host}/_consent/${uid}` };
}

function createLifetimes(settings: () => TokenSettings) {
  return {
    AccessToken: () => settings().expires_in,
    AuthorizationCode: CODE_SECONDS,
    Grant: REFRESH_TOKEN_SECONDS,
    IdToken: () => settings().expires_in,
    Interaction: CONSENT_SECONDS,
    RefreshToken: REFRESH_TOKEN_SECONDS,
    Session: CONSENT_SECONDS,
  };
}

function readSigningKey({ secret }: SandboxContext): object {
  const text = secret("signing-key", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = privateKey.export({ format: "jwk" });
    const kid = createHash("sha256").update(String(jwk.n)).digest("hex").slice(0, 16);
    return JSON.stringify({ ...jwk, kid, use: "sig", alg: "RS256" });
  });
  return JSON.parse(text) as object;
}

/** Cookies of other ports of 127.0.0.1 reach us too, so the names say whose they are. */
export function cookieNames(id: string) {
  return { session: `sandbox_${id}_session`, interaction: `sandbox_${id}_consent`, resume: `sandbox_${id}_resume` };
}
