import { AppError } from "../../domain/errors.ts";
import type { VaultAnswer, VaultCall, VaultConnection } from "./exchange.ts";
import { exchangeWithin } from "./retry.ts";
import type { VaultSessionPort } from "./session.ts";

/** Vault's HTTP API, logged in. */
export interface VaultHttp {
  /**
   * Sends one call.
   *
   * @returns any 2xx and the 4xx that are about the call itself (400, 404, 405; 403 if it `mayBeRefused`).
   * @throws `vault_unavailable` when the store does not answer within 2 s, is sealed, or refuses our login twice.
   *         Retrying is safe. No token, path or body is in the error.
   */
  send(call: VaultCall): Promise<VaultAnswer>;
  /** Milliseconds since 1970. */
  now(): number;
}

/**
 * The client every Vault adapter sends through.
 *
 * A 403 asks the session for another token once: Vault answers it both to a token that expired and to one whose policy
 * lacks the path, and only the first is cured by a login.
 */
export function createVaultHttp(options: VaultConnection & { readonly session: VaultSessionPort }): VaultHttp {
  return { send: (call) => send(options, call), now: options.now };
}

async function send(
  options: VaultConnection & { readonly session: VaultSessionPort },
  call: VaultCall,
): Promise<VaultAnswer> {
  const token = await options.session.token();
  const first = await exchangeWithin(options, call, token);
  if (first.status !== 403) return first;

  const replacement = await options.session.refused(token);
  const second = await exchangeWithin(options, call, replacement);
  if (second.status === 403 && call.mayBeRefused !== true) {
    throw new AppError("vault_unavailable", "The secret store refused our login: its policy lacks this.");
  }
  return { ...second, repeated: first.repeated || second.repeated };
}
