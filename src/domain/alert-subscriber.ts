import type { ChainedEvent } from "./audit-chain.ts";
import type { AuditAction } from "./audit-event.ts";
import { AppError } from "./errors.ts";
import { type ApiKeyId, readId, type SessionId, type UserId, type WorkspaceId } from "./ids.ts";
import { parseJsonObject } from "./json.ts";
import type { Principal } from "./principal.ts";
import type { EpochSeconds } from "./time.ts";

/** Whose socket it is: the credential that opened it, or made the ticket it was opened with. */
export interface Subscriber {
  /** The credential's own workspace, whatever chain the socket follows. */
  readonly workspaceId: WorkspaceId;
  readonly credentialId: SessionId | ApiKeyId;
  /** The session's user, or whom the key acts for; null for a key that acts as itself. */
  readonly userId: UserId | null;
  /** When the credential ends by itself; null = never. */
  readonly expiresAt: EpochSeconds | null;
}

/** The caller as a subscriber. @throws `forbidden` for a cluster agent, whose token reads no events. */
export function subscriberOf({ id, workspaceId, credential, impersonatedBy }: Principal): Subscriber {
  if (credential.kind === "session") {
    const { sessionId, userId, expiresAt } = credential;
    return { workspaceId, credentialId: sessionId, userId, expiresAt };
  }
  if (credential.kind === "kubectl_token") throw new AppError("forbidden", "A cluster agent reads no events.");
  const userId = impersonatedBy === null ? null : readId("usr", id);
  return { workspaceId, credentialId: credential.keyId, userId, expiresAt: null };
}

/** The same for subscribers that are proven together. */
export function subscriberKey({ credentialId, userId }: Subscriber): string {
  return `${credentialId}>${userId ?? ""}`;
}

/** What can end a credential or take a permission from it. */
const ENDING = new Set<unknown>([
  "user.logout",
  "user.password_changed",
  "user.updated",
  "user.deactivated",
  "session.ended",
  "apikey.revoked",
  "apikey.rotated",
] satisfies readonly AuditAction[]);

/** The users, sessions and keys whose right to listen these events put in doubt. */
export function listDoubtful(events: readonly ChainedEvent[]): readonly string[] {
  return events.flatMap(({ text }) => {
    const { action, resource } = parseJsonObject(text) as { action?: unknown; resource?: { id?: unknown } | null };
    return ENDING.has(action) && typeof resource?.id === "string" ? [resource.id] : [];
  });
}

/** True when one of `ids` is the subscriber's credential or user. */
export function isOneOf({ credentialId, userId }: Subscriber, ids: ReadonlySet<string>): boolean {
  return ids.has(credentialId) || (userId !== null && ids.has(userId));
}
