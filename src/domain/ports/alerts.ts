import type { Subscriber } from "../alert-subscriber.ts";
import type { ApiKeyId, SessionId, UserId, WorkspaceId } from "../ids.ts";
import type { Outcome } from "../outcome.ts";
import type { Permission, UserRole } from "../permissions.ts";
import type { Principal } from "../principal.ts";
import type { EpochSeconds } from "../time.ts";

/** What a socket is opened for. */
export interface AlertOpening {
  readonly chain: string;
  readonly subscriber: Subscriber;
  /** The number of the last event the client has; null = from now on. */
  readonly after: number | null;
}

/** A ticket as it is kept: whoever has the text of that hash may open one socket as that principal. */
export interface AlertTicket {
  /** SHA-256 of the ticket, hex. */
  readonly hash: string;
  readonly principal: Principal;
  readonly expiresAt: EpochSeconds;
}

/** The live alerts of every chain. */
export interface Alerts {
  /**
   * The client's end of a new socket that follows the chain.
   *
   * @throws `unauthenticated` when the credential is no longer good; `rate_limited` when the chain has no room for more;
   *         `database_unavailable` when the credential cannot be proven.
   */
  open(opening: AlertOpening): Promise<WebSocket>;
  keepTicket(workspaceId: WorkspaceId, ticket: AlertTicket): Promise<void>;
  /** Spends the ticket; null when there is none by that hash, or it has expired. */
  takeTicket(workspaceId: WorkspaceId, hash: string): Promise<Principal | null>;
  /** Has the sockets of these users, sessions and keys proven again. Never throws: their next proof is a minute off. */
  doubt(chain: string, ids: readonly string[]): Promise<void>;
}

/** What the `AuditLog` object answers of live alerts. */
export interface AlertsObject {
  /** Answers an upgrade that carries an {@link AlertOpening} in {@link OPENING_HEADER} with 101, or an {@link Outcome}. */
  readonly fetch: (request: Request) => Promise<Response>;
  keepTicket(ticket: AlertTicket): Promise<Outcome<void>>;
  takeTicket(hash: string): Promise<Principal | null>;
  doubt(ids: readonly string[]): Promise<void>;
}

/** Where an upgrade says, as JSON, whose it is. Between our own Worker and its object only. */
export const OPENING_HEADER = "x-alert-opening";

/** A credential that is good now. */
export interface LiveCredential {
  readonly id: SessionId | ApiKeyId;
  /** The session's user and their role; null for a key. */
  readonly user: { readonly id: UserId; readonly role: UserRole } | null;
  /** The key's; none for a session. */
  readonly permissions: readonly Permission[];
  readonly expiresAt: EpochSeconds | null;
}

/** Credentials by id, of one workspace. Every method throws `database_unavailable` when it does not answer. */
export interface LiveCredentials {
  /** Those of `ids` that are neither ended nor expired, and the roles of those of `users` that are active. */
  list(
    workspaceId: WorkspaceId,
    ids: readonly string[],
    users: readonly UserId[],
  ): Promise<{ readonly credentials: readonly LiveCredential[]; readonly roles: ReadonlyMap<UserId, UserRole> }>;
}
