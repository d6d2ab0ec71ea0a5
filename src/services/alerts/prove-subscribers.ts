import { type Subscriber, subscriberKey } from "../../domain/alert-subscriber.ts";
import { type Permission, permissionsOfRole, type UserRole } from "../../domain/permissions.ts";
import type { LiveCredential } from "../../domain/ports/alerts.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";
import type { AlertSocket } from "./alert-socket.ts";

/** What listening takes. */
const NEEDED: Permission = "audit:read";

/** Until when each that may listen may do so, by {@link subscriberKey}; null = its credential does not end by itself. */
export type Proof = ReadonlyMap<string, EpochSeconds | null>;

/** What proving takes. */
export interface ProofDeps {
  readonly sockets: () => Iterable<AlertSocket>;
  /** Who of these may listen now. @throws `database_unavailable` */
  readonly prove: (subscribers: readonly Subscriber[]) => Promise<Proof>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** What `work` gives, or null when that takes longer than `ms`. */
  readonly within: <Result>(ms: number, work: Promise<Result>) => Promise<Result | null>;
}

/**
 * Who of these may listen now, asked in one query a workspace.
 *
 * @throws `database_unavailable`
 */
export async function proveSubscribers(
  deps: Pick<Deps, "liveCredentials">,
  subscribers: readonly Subscriber[],
): Promise<Proof> {
  const byWorkspace = Map.groupBy(subscribers, ({ workspaceId }) => workspaceId);
  const proven: [string, EpochSeconds | null][] = [];
  for (const [workspaceId, members] of byWorkspace) {
    const ids = [...new Set(members.map(({ credentialId }) => credentialId))];
    const users = [...new Set(members.flatMap(({ userId }) => userId ?? []))];
    const { credentials, roles } = await deps.liveCredentials.list(workspaceId, ids, users);
    const live = new Map<string, LiveCredential>(credentials.map((credential) => [credential.id, credential]));
    for (const member of members) {
      const credential = live.get(member.credentialId);
      const role = member.userId === null ? undefined : roles.get(member.userId);
      if (credential !== undefined && mayListen(member, credential, role)) {
        proven.push([subscriberKey(member), credential.expiresAt]);
      }
    }
  }
  return new Map(proven);
}

/** The proof; null when the database does not give one within `timeoutMs`. */
export async function proveWithin(
  { prove, within }: Pick<ProofDeps, "prove" | "within">,
  timeoutMs: number,
  subscribers: readonly Subscriber[],
): Promise<Proof | null> {
  try {
    return await within(timeoutMs, prove(subscribers));
  } catch {
    // Nothing is lost: candidates are told, doubts stay until their time is up.
    return null;
  }
}

/** @param role Of the subscriber's user while active. */
function mayListen({ userId }: Subscriber, { user, permissions }: LiveCredential, role: UserRole | undefined): boolean {
  if (user !== null) return user.id === userId && permissionsOfRole(user.role).includes(NEEDED);
  if (!permissions.includes(NEEDED)) return false;
  if (userId === null) return true;
  // A key that acts for a user: what both may, and only as long as it may act for anybody.
  if (role === undefined || !permissions.includes("users:impersonate")) return false;
  return permissionsOfRole(role).includes(NEEDED);
}
