import type { JsonObject } from "../json.ts";
import type { Outcome } from "../outcome.ts";
import type { SecretPlace } from "../secret-ref.ts";

/** One version of a secret. */
export interface StoredSecret {
  readonly data: JsonObject;
  /** 1, 2, …; counts from 1 again once a secret was erased. */
  readonly version: number;
}

/** One version of a secret, without its value. */
export interface SecretVersion {
  readonly version: number;
  readonly createdAt: string;
  readonly readable: boolean;
}

/**
 * The versioned store that holds every credential.
 * Every method throws `vault_unavailable` when the store does not answer, is sealed or refuses us; retrying is safe.
 */
export interface SecretStore {
  /** The newest version; null when there is none or it was deleted. */
  read(place: SecretPlace): Promise<StoredSecret | null>;
  /** One version; null when it is absent, deleted or destroyed. */
  readVersion(place: SecretPlace, version: number): Promise<StoredSecret | null>;
  /** The number of the newest version, deleted or not; 0 when nothing was ever written. It is what `cas` must name. */
  readNewestVersion(place: SecretPlace): Promise<number>;
  listVersions(place: SecretPlace): Promise<readonly SecretVersion[]>;
  /**
   * Writes a new version if the newest is still `cas` (0 = nothing yet).
   *
   * @returns the new version's number; null when another write came between.
   */
  write(place: SecretPlace, data: JsonObject, cas: number): Promise<number | null>;
  /** Labels the secret with ids (`connection`, `provider`, `workspace`); no secret goes here. */
  label(place: SecretPlace, labels: Readonly<Record<string, string>>): Promise<void>;
  /** Destroys every version and the metadata. Erasing what is not there succeeds. */
  erase(place: SecretPlace): Promise<void>;
  /**
   * The names right below a path, in no order; one that ends in `/` is a folder.
   *
   * @returns null when our policy does not allow listing.
   */
  list(folder: SecretPlace): Promise<readonly string[] | null>;
  /** Resolves when the store is unsealed and our login works. */
  check(): Promise<void>;
}

/** What the `VaultSession` object answers over RPC: one login for every isolate. */
export interface VaultSessionObject {
  token(): Promise<Outcome<string>>;
  refused(token: string): Promise<Outcome<string>>;
}
