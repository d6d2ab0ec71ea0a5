import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { createVaultLogins } from "../deps.ts";
import { type Outcome, toOutcome } from "../domain/outcome.ts";
import type { VaultSessionObject } from "../domain/ports/secret-store.ts";
import { createVaultSessionState, readVaultToken, replaceRefusedToken } from "../services/vault-session.ts";

/** The one login to Vault, for every isolate. Its token stays in memory: whoever had it on disk would have every secret. */
export class VaultSession extends DurableObject<Bindings> implements VaultSessionObject {
  readonly #state = createVaultSessionState();

  token(): Promise<Outcome<string>> {
    return toOutcome(() => readVaultToken(this.#state, createVaultLogins(this.env, this.ctx)));
  }

  refused(token: string): Promise<Outcome<string>> {
    return toOutcome(() => replaceRefusedToken(this.#state, createVaultLogins(this.env, this.ctx), token));
  }
}
