import { bindingOf, type Connection } from "../../domain/connection.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import { createId } from "../../domain/ids.ts";
import { toStorable } from "../../domain/plain-text.ts";
import type { ConsentFacts } from "../../domain/ports/connection-store.ts";
import type { Scope } from "../../domain/principal.ts";
import { createSecretRef, secretName } from "../../domain/secret-ref.ts";
import type { Acquired, Provider } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";

export type StoreDeps = Pick<Deps, "connections" | "hotCredentials" | "keepers" | "random" | "settings" | "sha256">;

/** What the person chose besides the credential; null = as it was, or the default. */
export interface Choice {
  readonly account: string | null;
  readonly shared: boolean | null;
}

export interface Stored {
  readonly connection: Connection;
  /** True when it replaced the credential of a connection that was there: same id. */
  readonly replaced: boolean;
}

/** How the environment is written in a secret's name: the seed's `aurora-dev-…`. */
const ENVIRONMENT_NAMES = { production: "prod", staging: "staging", development: "dev", test: "test" } as const;
const SUFFIX_DIGITS = 16;
const MAX_ACCOUNT_CHARACTERS = 200;

/**
 * What became of a credential. `kept`: its keeper has it, sealed, and stores it as soon as the stores answer. `lost`:
 * nobody has it. `ended`: it was taken, and ended with its connection by a disconnect; revoked where it can be.
 */
export type Storing =
  | { readonly kind: "stored"; readonly stored: Stored }
  | { readonly kind: "kept"; readonly stored: Stored; readonly error: AppError }
  | { readonly kind: "lost" | "ended"; readonly error: AppError };

/**
 * Makes a proven credential a connection of `scope`'s owner, or replaces the one of the same provider and account.
 *
 * @throws `vault_unavailable` or `database_unavailable`: the credential is kept sealed and stored when they answer, if
 *         it could be reserved a place; `conflict` when it was disconnected in the same moment.
 */
export async function storeAcquired(
  deps: StoreDeps,
  scope: Scope,
  provider: Provider,
  acquired: Acquired,
  choice: Choice,
): Promise<Stored> {
  const storing = await tryToStore(deps, scope, provider, acquired, choice);
  if (storing.kind === "stored") return storing.stored;
  throw storing.error;
}

/** The same, for callers who must know what became of it. */
export async function tryToStore(
  deps: StoreDeps,
  scope: Scope,
  provider: Provider,
  acquired: Acquired,
  choice: Choice,
): Promise<Storing> {
  const storing = await storeOnce(deps, scope, provider, acquired, choice);
  // Its connection was disconnected on the way: what is still good gets one of its own.
  return isStillGood(storing, provider) ? storeOnce(deps, scope, provider, acquired, choice) : storing;
}

function isStillGood(storing: Storing, { revoke }: Provider): boolean {
  if (storing.kind === "ended") return revoke === null;
  return storing.kind === "lost" && (storing.error.code === "not_found" || storing.error.code === "conflict");
}

async function storeOnce(
  deps: StoreDeps,
  scope: Scope,
  provider: Provider,
  acquired: Acquired,
  choice: Choice,
): Promise<Storing> {
  let row: Connection | null = null;
  try {
    const facts = await describeConsent(deps, provider, acquired, choice);
    row = await reserveRow(deps, scope, provider, { ...facts, account: accountOf(acquired, choice) });
    await deps.keepers.store(bindingOf(row), { secret: acquired.secret, facts });
    const connection = await deps.connections.find(scope, row.id);
    if (connection !== null) return { kind: "stored", stored: { connection, replaced: row.version > 0 } };
    return { kind: "ended", error: new AppError("conflict", "This connection was disconnected meanwhile.") };
  } catch (error) {
    if (!isAppError(error)) throw error;
    const kind = row === null ? "lost" : whatBecame(error);
    if (row === null || kind !== "kept") return { kind: kind === "ended" ? kind : "lost", error };
    return { kind, stored: { connection: row, replaced: row.version > 0 }, error };
  } finally {
    if (row !== null) deps.hotCredentials.forget(row.id);
  }
}

/** @see Keepers.store */
function whatBecame({ code }: AppError): "kept" | "lost" | "ended" {
  if (code === "vault_unavailable" || code === "database_unavailable") return "kept";
  return code === "conflict" ? "ended" : "lost";
}

function accountOf(acquired: Acquired, choice: Choice): string {
  const account = choice.account ?? toStorable(acquired.account);
  if (account.length > MAX_ACCOUNT_CHARACTERS) throw new AppError("invalid_request", "The account name is too long.");
  return account;
}

async function describeConsent(
  deps: StoreDeps,
  provider: Provider,
  acquired: Acquired,
  choice: Choice,
): Promise<ConsentFacts> {
  const upstream = acquired.upstreamAccount;
  return {
    scopes: toStorable(acquired.scopes),
    upstreamAccount: upstream === null ? null : await hashUpstream(deps, provider, upstream),
    metadata: toStorable(acquired.metadata ?? {}),
    shared: choice.shared,
  };
}

/** What tells two connections of one upstream grant, without saying whose it is. */
export function hashUpstream(
  deps: Pick<Deps, "sha256">,
  provider: Pick<Provider, "id">,
  upstreamAccount: string,
): Promise<string> {
  return deps.sha256(`${provider.id}|${upstreamAccount}`);
}

/** The plain name is the seed's; a connection that cannot have it gets one of its own. */
async function reserveRow(
  deps: StoreDeps,
  scope: Scope,
  provider: Provider,
  { account, upstreamAccount, shared }: Pick<ConsentFacts, "upstreamAccount" | "shared"> & { readonly account: string },
): Promise<Connection> {
  const { environment, vaultMount, vaultBasePath } = deps.settings;
  const id = createId("con", deps.random);
  const suffix = (await deps.sha256(id)).slice(0, SUFFIX_DIGITS);
  const secretRefs = [null, suffix].map((end) =>
    createSecretRef(
      vaultMount,
      vaultBasePath,
      secretName(ENVIRONMENT_NAMES[environment], scope.userId, provider.id, end),
    ),
  );
  const about = { provider: provider.id, account, upstreamAccount, shared: shared ?? false };
  return deps.connections.reserve(scope, { ...about, id, secretRefs });
}
