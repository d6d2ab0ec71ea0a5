/// <reference path="./oidc-provider.d.ts" />
import { Provider } from "oidc-provider";
import type { SandboxContext } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import type { Answer, WireRequest } from "../wire.ts";
import { revokeAccount } from "./adapter.ts";
import { type AuthorizationServerOptions, configure, cookieNames } from "./configuration.ts";
import { createConsent } from "./consent.ts";
import { runListener } from "./run-listener.ts";

/** What an access or refresh token stands for. */
export interface IssuedToken {
  readonly grantId: string;
  readonly sub: string;
  readonly email: string;
  readonly scopes: readonly string[];
}

export interface AuthorizationServer {
  /** The authorization endpoint and the way back from consent. Answers carry no `iss`. */
  authorize(request: WireRequest): Promise<Answer>;
  /** Token and revocation endpoint, one request at a time: rotation must not race with itself. */
  exchange(request: WireRequest): Promise<Answer>;
  consent(request: WireRequest): Promise<Answer>;
  findAccessToken(value: string): Promise<IssuedToken | null>;
  /** Ends every grant of the account behind an access or refresh token. False when there is none. */
  revokeAccount(value: string): Promise<boolean>;
}

/** An OAuth 2.0 authorization server: code flow with PKCE S256 required, refresh tokens as `settings` says. */
export function createAuthorizationServer(
  context: SandboxContext,
  options: AuthorizationServerOptions,
  settings: () => TokenSettings,
): AuthorizationServer {
  const { state } = context;
  const prefix = `oidc/${options.id}`;
  const provider = new Provider(options.issuer, configure(context, options, settings));
  // Errors are answered; printing them would put codes and tokens on the console.
  provider.silent = true;
  adaptModels(provider, context, options);
  const listener = provider.callback();
  let last: Promise<unknown> = Promise.resolve();

  const describe = async (token: { grantId?: string; accountId?: string; scope?: string } | undefined) => {
    if (!token?.grantId || !token.accountId || !state.get(`${prefix}/Grant/${token.grantId}`)) return null;
    const email = String(state.get(`${prefix}/email/${token.accountId}`));
    return { grantId: token.grantId, sub: token.accountId, email, scopes: token.scope?.split(" ") ?? [] };
  };

  return {
    authorize: async (request) => dropSession(await runListener(listener, withoutSession(request, options.id))),
    exchange(request) {
      const answer = last.then(() => runListener(listener, request));
      last = answer.catch(() => {});
      return answer;
    },
    consent: createConsent(provider, state, prefix, options),
    findAccessToken: async (value) => describe(await provider.AccessToken.find(value)),
    async revokeAccount(value) {
      const token = await describe(
        (await provider.AccessToken.find(value)) ?? (await provider.RefreshToken.find(value)),
      );
      if (token) revokeAccount(state, prefix, token.sub);
      return token !== null;
    },
  };
}

/** Gives tokens their vendor's look, and lets a function decide which redirect URIs are registered. */
function adaptModels(provider: Provider, context: SandboxContext, options: AuthorizationServerOptions): void {
  const { accessToken, refreshToken, code } = options.prefixes;
  const looks = [
    [provider.AccessToken, accessToken],
    [provider.RefreshToken, refreshToken],
    [provider.AuthorizationCode, code],
  ] as const;
  for (const [model, look] of looks) {
    const { generateTokenId } = model.prototype;
    model.prototype.generateTokenId = function withPrefix(this: object) {
      // The original is called even so: it also settles the token's format.
      return `${look}${generateTokenId.call(this)}`;
    };
  }
  Object.assign(provider.Client.prototype, { redirectUriAllowed: context.isRedirectUriAllowed });
}

function withoutSession(request: WireRequest, id: string): WireRequest {
  const { session } = cookieNames(id);
  const kept = request.headers.cookie?.split("; ").filter((pair) => !pair.startsWith(session));
  return { ...request, headers: { ...request.headers, cookie: kept?.join("; ") } };
}

/** Leaves out the session cookie, and `iss`: our issuer is one the Worker may not have been told of. */
function dropSession(answer: Answer): Answer {
  const cookies = [answer.headers["set-cookie"] ?? []].flat().filter((cookie) => !/^sandbox_\w+_session/.test(cookie));
  const location = answer.headers["location"];
  if (typeof location !== "string") return { ...answer, headers: { ...answer.headers, "set-cookie": cookies } };
  const url = new URL(location, "http://sandbox.invalid");
  if (!url.searchParams.has("iss")) return { ...answer, headers: { ...answer.headers, "set-cookie": cookies } };
  url.searchParams.delete("iss");
  return { ...answer, status: 302, headers: { ...answer.headers, "set-cookie": cookies, location: url.href } };
}
