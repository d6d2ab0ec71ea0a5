import { AppError } from "../../domain/errors.ts";
import { type Outcome, requireValue } from "../../domain/outcome.ts";
import type { VaultSessionObject } from "../../domain/ports/secret-store.ts";
import type { Secret } from "../../domain/secret.ts";

/** Where the client gets the token it sends. */
export interface VaultSessionPort {
  /** A token that should work. @throws `vault_unavailable` when logging in fails. */
  token(): Promise<string>;
  /**
   * Says that the store refused `token`, and answers the one that replaces it.
   *
   * @throws `vault_unavailable` when logging in fails, or when another login would not help.
   */
  refused(token: string): Promise<string>;
}

/** Half a minute spares nearly every read a hop; a token revoked meanwhile is found out by its first 403. */
const REMEMBERED_MS = 30_000;

/** A session that is one token for ever (`VAULT_TOKEN`); nothing can be done once it is refused. */
export function createStaticSession(token: Secret<string>): VaultSessionPort {
  return {
    token: async () => token.reveal(),
    refused: async () => {
      throw new AppError(
        "vault_unavailable",
        "The secret store refused our token: it expired, or its policy lacks this.",
      );
    },
  };
}

/**
 * A session kept by the `VaultSession` object and remembered here for 30 s.
 *
 * Keep one per isolate. Only the value is remembered, never a promise: a promise made in one request of a Worker must not
 * be awaited in another.
 *
 * @param now Milliseconds since 1970.
 */
export function createVaultSession(object: VaultSessionObject, now: () => number): VaultSessionPort {
  let remembered: { readonly token: string; readonly untilMs: number } | null = null;

  function remember(outcome: Outcome<string>): string {
    const token = requireValue(outcome);
    remembered = { token, untilMs: now() + REMEMBERED_MS };
    return token;
  }

  return {
    token: async () => {
      if (remembered && now() < remembered.untilMs) return remembered.token;
      return remember(await object.token());
    },
    refused: async (token) => {
      // Another request of this isolate may have replaced it while ours was under way.
      if (remembered && remembered.token !== token) return remembered.token;
      remembered = null;
      return remember(await object.refused(token));
    },
  };
}
