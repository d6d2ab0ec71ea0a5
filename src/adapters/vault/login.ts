import { AppError } from "../../domain/errors.ts";
import { isJsonObject, readText } from "../../domain/json.ts";
import type { Secret } from "../../domain/secret.ts";
import type { VaultAnswer, VaultConnection } from "./exchange.ts";
import { exchangeWithin } from "./retry.ts";

/** A client token as Vault issued or renewed it. */
export interface IssuedToken {
  readonly token: string;
  /** Seconds from now; 0 means it does not expire. */
  readonly ttlSeconds: number;
  readonly renewable: boolean;
}

/** What a lookup says of the token that asked. */
export interface TokenLookup {
  readonly ttlSeconds: number;
  readonly renewable: boolean;
}

/** The two halves of an AppRole; the second is a secret. */
export interface AppRole {
  readonly roleId: string;
  readonly secretId: Secret<string>;
}

/**
 * Logs in with an AppRole.
 *
 * @throws `vault_unavailable` when the store does not answer within 2 s or refuses the role; nothing of it is in the error.
 * @see https://developer.hashicorp.com/vault/api-docs/auth/approle#login-with-approle
 */
export async function loginWithAppRole(options: VaultConnection & AppRole): Promise<IssuedToken> {
  const body = { role_id: options.roleId, secret_id: options.secretId.reveal() };
  const answer = await exchangeWithin(options, { method: "POST", path: "/v1/auth/approle/login", body }, null);
  if (answer.status !== 200) {
    throw new AppError(
      "vault_unavailable",
      "The secret store refused our AppRole: its role or secret id is not valid.",
    );
  }
  return parseIssuedToken(answer);
}

/**
 * Asks for as much life as the token may have.
 *
 * @returns null when the store refuses: the token is gone or not renewable, so log in again.
 * @throws `vault_unavailable` when the store does not answer within 2 s; the token may still work.
 * @see https://developer.hashicorp.com/vault/api-docs/auth/token#renew-a-token-self
 */
export async function renewSelf(connection: VaultConnection, token: string): Promise<IssuedToken | null> {
  const call = { method: "POST", path: "/v1/auth/token/renew-self", body: {} } as const;
  const answer = await exchangeWithin(connection, call, token);
  return answer.status === 200 ? parseIssuedToken(answer) : null;
}

/**
 * What is left of a token's life.
 *
 * @returns null when the store refuses the token, which is how an expired one looks.
 * @throws `vault_unavailable` when the store does not answer within 2 s.
 * @see https://developer.hashicorp.com/vault/api-docs/auth/token#lookup-a-token-self
 */
export async function lookupSelf(connection: VaultConnection, token: string): Promise<TokenLookup | null> {
  const answer = await exchangeWithin(connection, { method: "GET", path: "/v1/auth/token/lookup-self" }, token);
  if (answer.status !== 200) return null;
  const data = isJsonObject(answer.body["data"]) ? answer.body["data"] : {};
  return { ttlSeconds: parseTtl(data["ttl"]), renewable: data["renewable"] === true };
}

/** Reads `{auth: {client_token, lease_duration, renewable}}`. */
function parseIssuedToken({ body }: VaultAnswer): IssuedToken {
  const auth = isJsonObject(body["auth"]) ? body["auth"] : {};
  const token = readText(auth, "client_token");
  if (token === null) {
    throw new AppError("vault_unavailable", "The secret store's answer to our login holds no token.");
  }
  return { token, ttlSeconds: parseTtl(auth["lease_duration"]), renewable: auth["renewable"] === true };
}

function parseTtl(value: unknown): number {
  return typeof value === "number" && value > 0 ? Math.floor(value) : 0;
}
