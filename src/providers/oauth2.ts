import * as oauth from "oauth4webapi";
import { AppError, isAppError } from "../domain/errors.ts";
import type { UpstreamOptions } from "../domain/ports/upstream.ts";
import { isTemporary, readJson, type Upstream, unavailable } from "./answers.ts";
import type { CodeExchange, ProviderContext } from "./provider.ts";
import { readTokenAnswer, type TokenAnswer, type Verdicts } from "./token-answer.ts";

/** How the client proves itself at the token endpoint (RFC 6749 section 2.3.1). */
export type ClientAuth = "client_secret_basic" | "client_secret_post";

/** Our registration at one authorization server. */
export interface OAuthClient {
  /** The provider as a person knows it. */
  readonly name: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientAuth: ClientAuth;
  readonly tokenEndpoint: string;
  /** Null = the callback's `iss` cannot be checked; our callback paths are per provider, which tells servers apart. */
  readonly issuer: string | null;
  /** True where a `code_challenge` is an error. The code is then bound by our secret, the state and the browser's cookie. */
  readonly refusesPkce?: boolean;
  /** The server's own error codes, as the standard ones they mean. */
  readonly errors?: Readonly<Record<string, string>>;
}

/** A refresh goes on after its callers have given up: a rotated token that arrives late must not be lost. */
export const REFRESH_TIMEOUT_MS = 60_000;

/**
 * Checks the callback and spends its code. The code is sent once, whatever comes back.
 *
 * @throws `provider_rejected` when the person or the provider said no, or the callback is not the one waited for;
 *         `provider_unavailable`.
 */
export async function exchangeCode(
  client: OAuthClient,
  exchange: CodeExchange,
  context: ProviderContext,
): Promise<TokenAnswer> {
  const server = describeServer(client);
  const parameters = readCallback(client, server, exchange);
  const { redirectUri, codeVerifier } = exchange;
  const auth = authenticate(client);
  const answer = await request(client, () =>
    oauth.authorizationCodeGrantRequest(
      server,
      describeClient(client),
      auth,
      parameters,
      redirectUri,
      client.refusesPkce ? oauth.nopkce : codeVerifier,
      through(context),
    ),
  );
  const refused = `${client.name} did not accept the sign-in code. Start connecting again.`;
  return readTokenAnswer(answer, upstreamOf(client, context), {
    invalid_grant: { code: "provider_rejected", message: refused },
  });
}

/** @throws `reauth_required` on `invalid_grant`; `provider_rejected`, `provider_unavailable`. */
export async function refreshGrant(
  client: OAuthClient,
  refreshToken: string,
  context: ProviderContext,
): Promise<TokenAnswer> {
  const options = through(context, { timeoutMs: REFRESH_TIMEOUT_MS });
  const answer = await request(client, () =>
    oauth.refreshTokenGrantRequest(
      describeServer(client),
      describeClient(client),
      authenticate(client),
      refreshToken,
      options,
    ),
  );
  const message = `${client.name} no longer accepts this grant. Connect the account again.`;
  return readTokenAnswer(answer, upstreamOf(client, context), { invalid_grant: { code: "reauth_required", message } });
}

/**
 * A token for the client itself (RFC 6749 section 4.4).
 *
 * @param scope    Null = all the client may have.
 * @param verdicts What the server's error codes mean for this caller.
 */
export async function requestClientToken(
  client: OAuthClient,
  scope: string | null,
  context: ProviderContext,
  verdicts: Verdicts,
  options: UpstreamOptions = {},
): Promise<TokenAnswer> {
  const parameters = new URLSearchParams(scope === null ? {} : { scope });
  const answer = await request(client, () =>
    oauth.clientCredentialsGrantRequest(
      describeServer(client),
      describeClient(client),
      authenticate(client),
      parameters,
      through(context, options),
    ),
  );
  return readTokenAnswer(answer, upstreamOf(client, context), verdicts);
}

/**
 * Ends a grant (RFC 7009). A token the server no longer knows is a success.
 *
 * @param withSecret False for servers that take the token without client authentication.
 */
export async function revokeToken(
  client: OAuthClient,
  revocation: { readonly endpoint: string; readonly withSecret: boolean },
  token: string,
  context: ProviderContext,
): Promise<void> {
  const server = { ...describeServer(client), revocation_endpoint: revocation.endpoint };
  const auth = revocation.withSecret ? authenticate(client) : () => {};
  const answer = await request(client, () =>
    oauth.revocationRequest(server, describeClient(client), auth, token, through(context)),
  );
  if (answer.ok || (await readJson(answer))?.["error"] === "invalid_token") return;
  if (isTemporary(answer.status) || answer.status < 400) throw unavailable(upstreamOf(client, context), answer);
  throw new AppError("provider_rejected", `${client.name} refused to revoke the grant.`);
}

function readCallback(client: OAuthClient, server: oauth.AuthorizationServer, exchange: CodeExchange): URLSearchParams {
  const callback = new URLSearchParams(exchange.callback);
  if (client.issuer === null) callback.delete("iss");
  try {
    const parameters = oauth.validateAuthResponse(server, describeClient(client), callback, exchange.state);
    if (hasOneCode(parameters)) return parameters;
  } catch (error) {
    // The library's errors carry the callback, which carries the code: they end here.
    if (error instanceof oauth.AuthorizationResponseError) throw describeDenial(client.name, error.error);
  }
  throw new AppError("provider_rejected", `The answer from ${client.name} does not belong to this sign-in.`);
}

function hasOneCode(parameters: URLSearchParams): boolean {
  const codes = parameters.getAll("code");
  return codes.length === 1 && codes[0] !== "";
}

/** @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1 */
function describeDenial(name: string, error: string): AppError {
  if (error === "access_denied") return new AppError("provider_rejected", `Access was not granted at ${name}.`);
  if (error === "server_error" || error === "temporarily_unavailable") {
    return new AppError("provider_unavailable", `${name} cannot take sign-ins at the moment.`);
  }
  return new AppError("provider_rejected", `${name} refused the sign-in.`);
}

/** Runs one request of the library; what it throws by itself is about our settings and may quote them. */
async function request(client: OAuthClient, send: () => Promise<Response>): Promise<Response> {
  try {
    return await send();
  } catch (error) {
    if (isAppError(error) || !(error instanceof oauth.OperationProcessingError)) throw error;
    throw new AppError("misconfigured", `The settings of ${client.name} are wrong.`);
  }
}

function through({ send }: ProviderContext, options: UpstreamOptions = {}) {
  return {
    [oauth.customFetch]: (url: string, init: oauth.CustomFetchOptions<"POST", URLSearchParams>) =>
      send(new Request(url, { ...init, signal: init.signal ?? null }), options),
    // Which plain-http targets are allowed (the operator's own, outside production) is the sender's to say.
    [oauth.allowInsecureRequests]: true,
  };
}

function authenticate({ clientAuth, clientSecret }: OAuthClient): oauth.ClientAuth {
  return clientAuth === "client_secret_basic"
    ? oauth.ClientSecretBasic(clientSecret)
    : oauth.ClientSecretPost(clientSecret);
}

function describeClient({ clientId }: OAuthClient): oauth.Client {
  return { client_id: clientId };
}

function describeServer({ issuer, tokenEndpoint }: OAuthClient): oauth.AuthorizationServer {
  return { issuer: issuer ?? new URL(tokenEndpoint).origin, token_endpoint: tokenEndpoint };
}

function upstreamOf({ name, errors = {} }: OAuthClient, { now }: ProviderContext): Upstream {
  return { name, now, errors };
}
