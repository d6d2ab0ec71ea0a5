import { z } from "zod";
import type { SecretData } from "../domain/token-data.ts";
import { clientCredentials, type OAuthClient, REFRESH_TIMEOUT_MS } from "./oauth2.ts";
import type { ProviderContext } from "./provider.ts";
import type { TokenAnswer } from "./token-answer.ts";

const word = z.string().regex(/^[\x21-\x7e]{1,1024}$/, "must be one word of printable characters");

/** A client a person made at the provider and gave to us. */
export const clientPair = { client_id: word, client_secret: word };

/**
 * A token for a client a person gave. There is no refresh token in this grant: a refresh mints again.
 *
 * @param scope   Null = all the client may have.
 * @param purpose What a refusal means: at a connect the person has typed it wrong, at a refresh it was withdrawn.
 * @throws `provider_rejected` or `reauth_required` for a refused client; `provider_unavailable`.
 */
export function mintToken(
  client: OAuthClient,
  scope: string | null,
  context: ProviderContext,
  purpose: "connect" | "refresh",
): Promise<TokenAnswer> {
  const code = purpose === "connect" ? "provider_rejected" : "reauth_required";
  const refused = { code, message: `${client.name} does not accept this client id and secret.` } as const;
  const verdicts = { invalid_client: refused, unauthorized_client: refused, invalid_grant: refused };
  const options = purpose === "connect" ? {} : { timeoutMs: REFRESH_TIMEOUT_MS };
  return clientCredentials(client, scope, context, verdicts, options);
}

/** The secret with the minted token in it. Its lifetime is the answer's or unknown, never the old one's. */
export function withMinted(secret: SecretData, { accessToken, tokenType, expiresAt }: TokenAnswer): SecretData {
  const { expires_at: _expiresAt, ...kept } = secret;
  return {
    ...kept,
    access_token: accessToken,
    token_type: tokenType,
    ...(expiresAt !== null && { expires_at: expiresAt }),
  };
}
