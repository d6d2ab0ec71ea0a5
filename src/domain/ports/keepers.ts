import type { AuditActor } from "../audit-event.ts";
import type { ConnectionBinding } from "../connection.ts";
import type { Credential, SecretData } from "../token-data.ts";
import type { ConsentFacts } from "./connection-store.ts";

/** A secret a person brought: it replaces whatever the connection held. */
export interface NewSecret {
  readonly secret: SecretData;
  /** Null: it comes from the connection's own past, and what is known of the connection stays. */
  readonly facts: ConsentFacts | null;
}

export interface RefreshAnswer {
  readonly credential: Credential;
  /** True when the provider was asked for it just now. */
  readonly refreshed: boolean;
}

/** Who ends a connection, and from where. */
export interface Disconnector {
  readonly actor: AuditActor;
  readonly ip: string | null;
  readonly requestId: string | null;
}

/**
 * The keepers: one per connection. Every write of a connection's secret goes through its keeper, one at a time.
 * Each method throws the refusal as AppError.
 */
export interface Keepers {
  /**
   * A credential with life left: the stored one, or a fresh one when it is due or `force` asks.
   *
   * @throws `reauth_required`; `provider_unavailable` or `provider_rejected` once the old one is dead as well;
   *         `vault_unavailable`; `not_found` after a disconnect.
   */
  refresh(binding: ConnectionBinding, options: { readonly force: boolean }): Promise<RefreshAnswer>;
  /**
   * Stores a secret and answers its version.
   *
   * @throws `vault_unavailable` or `database_unavailable`: the secret is kept sealed and stored as soon as they answer;
   *         `not_found` when the connection was disconnected before: the secret was not taken, and the row is gone;
   *         `conflict` when it was disconnected after: the secret ended with it, and was revoked where it can be.
   */
  store(binding: ConnectionBinding, secret: NewSecret): Promise<number>;
  /**
   * Ends the connection; `by` is named in the audit. `pending`: unreadable now, erased when the secret store is back.
   */
  erase(binding: ConnectionBinding, by: Disconnector): Promise<"erased" | "pending">;
  /** Lets the keeper see to whatever is due. */
  nudge(binding: ConnectionBinding): Promise<void>;
  /**
   * Takes a soft-deleted connection's keeper apart: its secret, its cached copies and all it remembers. `pending`: a store
   * or the provider is away and something of it may be left. Safe to repeat.
   */
  purge(binding: ConnectionBinding): Promise<"purged" | "pending">;
}
