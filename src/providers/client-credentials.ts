import { z } from "zod";
import { credentialEndOf, warnOfEnd } from "../domain/credential-end.ts";
import { AppError } from "../domain/errors.ts";
import type { SecretData } from "../domain/token-data.ts";
import { REFRESH_TIMEOUT_MS, requestClientToken } from "./oauth2.ts";
import type { Acquired, Provider, ProviderContext } from "./provider.ts";
import { splitScopes, type TokenAnswer } from "./token-answer.ts";
import { word } from "./word.ts";

/** A client a person made at the provider and gave to us. */
export const clientPair = { client_id: word.max(1024), client_secret: word.max(1024) };

/** A body with such a client in it. */
type ClientBody = z.ZodObject<{ client_id: z.ZodType<string>; client_secret: z.ZodType<string> }>;

/** Whose client it is; `found` is what the provider said that is stored beside it. */
export type ClientOwner = Pick<Acquired, "account" | "metadata"> & { readonly found?: SecretData };

/** Everything that tells one provider of client credentials (RFC 6749 section 4.4) from another. */
export interface ClientCredentialsData<Credentials extends ClientBody> {
  readonly name: string;
  /** What `connect` takes: {@link clientPair}, and what belongs to it. */
  readonly credentials: Credentials;
  /** Null = all the client may have. */
  readonly scope: string | null;
  readonly tokenEndpoint: (given: z.output<Credentials>) => string;
  /** What the server's error codes say of the client, as sentences, where they say more than that it is refused. */
  readonly refusals?: Readonly<Record<string, string>>;
  /** @see Provider.credentialEnd; a refusal after that end says so. */
  readonly credentialEnd?: string;
  /** Proves the token by a call, and asks whose it is. */
  readonly identify: (
    tokens: TokenAnswer,
    given: z.output<Credentials>,
    context: ProviderContext,
  ) => Promise<ClientOwner>;
}

/** The parts of a provider whose tokens are minted for a client: there is no refresh token, so a refresh mints again. */
export interface ClientCredentialsParts {
  readonly storable: z.ZodObject;
  readonly connect: NonNullable<Provider["connect"]>;
  readonly refresh: NonNullable<Provider["refresh"]>;
  /** A token for the client in a stored secret, for one call of ours. @throws as `connect` */
  readonly mintOnce: (secret: SecretData, context: ProviderContext) => Promise<TokenAnswer>;
}

/** @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4 */
export function clientCredentials<Credentials extends ClientBody>(
  data: ClientCredentialsData<Credentials>,
): ClientCredentialsParts {
  const { credentials, name } = data;
  const readStored = (secret: SecretData) => {
    const known = Object.keys(credentials.shape).flatMap((key) => (key in secret ? [[key, secret[key]]] : []));
    const stored = credentials.safeParse(Object.fromEntries(known));
    if (stored.success) return stored.data;
    throw new AppError("reauth_required", `The stored client of ${name} is incomplete. Connect it again.`);
  };
  return {
    storable: z.looseObject({ ...credentials.shape, access_token: z.string().min(1).optional() }),
    async connect(raw, context) {
      const given = credentials.parse(raw);
      const tokens = await mint(data, given, context, "provider_rejected");
      const { found, ...owner } = await data.identify(tokens, given, context);
      const scopes = splitScopes(tokens.scope ?? data.scope ?? "");
      return { secret: withMinted({ ...given, ...found }, tokens), upstreamAccount: null, scopes, ...owner };
    },
    refresh: async (secret, context) =>
      withMinted(secret, await mint(data, readStored(secret), context, "reauth_required")),
    mintOnce: async (secret, context) => mint(data, readStored(secret), context, "provider_rejected"),
  };
}

/** @param code What a refused client is: at a connect the person has typed it wrong, at a refresh it was withdrawn. */
function mint<Credentials extends ClientBody>(
  data: ClientCredentialsData<Credentials>,
  given: z.output<Credentials>,
  context: ProviderContext,
  code: "provider_rejected" | "reauth_required",
): Promise<TokenAnswer> {
  const { name, scope, tokenEndpoint } = data;
  const { client_id: clientId, client_secret: clientSecret } = given;
  // The secret goes into the form: these servers need not decode what Basic percent-encodes.
  const clientAuth = "client_secret_post";
  const client = {
    name,
    clientId,
    clientSecret,
    clientAuth,
    tokenEndpoint: tokenEndpoint(given),
    issuer: null,
  } as const;
  const usual = `${name} does not accept this client id and secret.`;
  const refusals = { invalid_client: usual, unauthorized_client: usual, invalid_grant: usual, ...data.refusals };
  const end = warnOfEnd(credentialEndOf(given, data.credentialEnd), context.now);
  const reason = end?.code === "client_secret_expired" ? ` ${end.message}` : "";
  const explain = (error: string) => (["invalid_client", "invalid_grant"].includes(error) ? reason : "");
  const verdicts = Object.fromEntries(
    Object.entries(refusals).map(([error, sentence]) => [error, { code, message: `${sentence}${explain(error)}` }]),
  );
  const options = code === "reauth_required" ? { timeoutMs: REFRESH_TIMEOUT_MS } : {};
  return requestClientToken(client, scope, context, verdicts, options);
}

/** The secret with the minted token in it. Its lifetime is the answer's or unknown, never the old one's. */
function withMinted(secret: SecretData, { accessToken, tokenType, expiresAt }: TokenAnswer): SecretData {
  const { expires_at: _expiresAt, ...kept } = secret;
  return {
    ...kept,
    access_token: accessToken,
    token_type: tokenType,
    ...(expiresAt !== null && { expires_at: expiresAt }),
  };
}
