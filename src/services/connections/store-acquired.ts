import { bindingOf, type Connection } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import { createId } from "../../domain/ids.ts";
import { toStorable } from "../../domain/plain-text.ts";
import type { Reservation } from "../../domain/ports/connection-store.ts";
import type { Scope } from "../../domain/principal.ts";
import { createSecretRef, secretName } from "../../domain/secret-ref.ts";
import type { Acquired, Provider } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";

type StoreDeps = Pick<Deps, "connections" | "hotCredentials" | "keepers" | "random" | "settings" | "sha256">;

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
 * Makes a proven credential a connection of `scope`'s owner, or replaces the one of the same provider and account.
 *
 * @throws `vault_unavailable` or `database_unavailable`: the credential is kept sealed and stored when they answer.
 */
export async function storeAcquired(
  deps: StoreDeps,
  scope: Scope,
  provider: Provider,
  acquired: Acquired,
  choice: Choice,
): Promise<Stored> {
  const account = choice.account ?? toStorable(acquired.account);
  if (account.length > MAX_ACCOUNT_CHARACTERS) throw new AppError("invalid_request", "The account name is too long.");
  const upstream = acquired.upstreamAccount;
  const upstreamAccount = upstream === null ? null : await hashUpstream(deps, provider, upstream);
  const row = await reserveRow(deps, scope, provider, { account, upstreamAccount, shared: choice.shared ?? false });
  await deps.keepers.store(bindingOf(row), {
    secret: acquired.secret,
    facts: {
      scopes: toStorable(acquired.scopes),
      upstreamAccount,
      metadata: toStorable(acquired.metadata ?? {}),
      shared: choice.shared,
    },
  });
  deps.hotCredentials.forget(row.id);
  const connection = await deps.connections.find(scope, row.id);
  if (connection === null) throw new AppError("not_found", "This connection was disconnected.");
  return { connection, replaced: row.version > 0 };
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
  about: Pick<Reservation, "account" | "upstreamAccount" | "shared">,
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
  return deps.connections.reserve(scope, { ...about, id, provider: provider.id, secretRefs });
}
