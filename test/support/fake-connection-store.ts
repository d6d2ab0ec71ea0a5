import { bindingOf, type Connection, type ConnectionBinding } from "../../src/domain/connection.ts";
import { AppError } from "../../src/domain/errors.ts";
import { requireOwnerId } from "../../src/domain/ids.ts";
import type { ConnectionStore, Reservation, SecretRecord } from "../../src/domain/ports/connection-store.ts";
import type { Scope } from "../../src/domain/principal.ts";
import type { EpochSeconds } from "../../src/domain/time.ts";
import { pageOf } from "./fake-identity-tables.ts";

/** A row with what no port shows. */
export interface FakeRow extends Connection {
  readonly isActive: boolean;
  readonly upstreamAccount: string | null;
  readonly refreshDueAt: EpochSeconds | null;
  readonly credentialWarnedDays: number | null;
}

export interface FakeConnectionStore extends ConnectionStore {
  readonly rows: Map<string, FakeRow>;
  setDown(isDown: boolean): void;
  /** What `readAwsExternalId` answers, by workspace. */
  readonly externalIds: Map<string, string>;
}

/** The table in memory, with its row-level security: one's own rows, and the workspace's shared ones. */
export function createFakeConnectionStore(now: () => EpochSeconds): FakeConnectionStore {
  const rows = new Map<string, FakeRow>();
  const externalIds = new Map<string, string>();
  let down = false;

  const listRows = () => {
    if (down) throw new AppError("database_unavailable", "The database is down.");
    return [...rows.values()];
  };
  const isVisible = (scope: Scope) => (row: FakeRow) =>
    row.workspaceId === scope.workspaceId && (row.ownerId === scope.userId || row.shared);
  const listLive = (scope: Scope) =>
    listRows()
      .filter((row) => row.isActive && row.version > 0)
      .filter(isVisible(scope));
  const change = (row: FakeRow | undefined, changes: Partial<FakeRow>): FakeRow | null => {
    if (row === undefined) return null;
    const changed = { ...row, ...changes, updatedAt: now() };
    rows.set(row.id, changed);
    return changed;
  };
  /** As the owner named in the binding: the row of another owner cannot be changed. */
  const own = (binding: ConnectionBinding) =>
    listRows().find(({ id, isActive, ownerId }) => id === binding.id && isActive && ownerId === binding.ownerId);

  return {
    rows,
    externalIds,
    setDown: (isDown) => {
      down = isDown;
    },
    find: async (scope, id) => listLive(scope).find((row) => row.id === id) ?? null,
    list: async (scope, { provider, status, ...page }) => {
      const live = new Set(listLive(scope));
      const isListed = (row: FakeRow) =>
        live.has(row) && (provider ?? row.provider) === row.provider && (status ?? row.status) === row.status;
      return pageOf(listRows(), page, isListed, (row) => row);
    },
    listOwned: async (scope) =>
      listRows().filter((row) => isVisible(scope)(row) && row.isActive && row.ownerId === scope.userId),
    listReadable: async (scope, provider, account) =>
      listLive(scope)
        .filter((row) => row.provider === provider && (account ?? row.account) === row.account)
        .reverse()
        .sort((one, other) => Number(other.ownerId === scope.userId) - Number(one.ownerId === scope.userId)),
    reserve: async (scope, wanted) => reserve(listRows(), rows, now(), scope, wanted),
    update: async (scope, id, { shared, label }) =>
      change(
        listLive(scope).find((row) => row.id === id && row.ownerId === scope.userId),
        { ...(shared !== undefined && { shared }), ...(label !== undefined && { label }) },
      ),
    wasDisconnected: async (scope, id) =>
      listRows().some((row) => isVisible(scope)(row) && row.id === id && row.ownerId === scope.userId && !row.isActive),
    handOver: async (scope, id, to) =>
      change(
        listLive(scope).find((row) => row.id === id && row.shared),
        { ownerId: to },
      ) !== null,
    recordSecret: async (binding, record) => change(own(binding), secretChange(own(binding), record)) !== null,
    recordFailure: async (binding, failure) => change(own(binding), failure) !== null,
    disconnect: async (binding) => void change(own(binding), { isActive: false }),
    hasOtherLiveGrant: async (binding) => {
      const upstream = listRows().find(({ id }) => id === binding.id)?.upstreamAccount ?? null;
      return (
        upstream !== null &&
        listRows().some((row) => row.isActive && row.id !== binding.id && row.upstreamAccount === upstream)
      );
    },
    isGrantLive: async (_scope, provider, upstream) =>
      listRows().some((row) => row.isActive && row.provider === provider && row.upstreamAccount === upstream),
    leaseDue: async (limit) =>
      listRows()
        .filter((row) => row.isActive && row.refreshDueAt !== null && row.refreshDueAt <= now())
        .slice(0, limit)
        .map(bindingOf),
    takeEndingCredentials: async (days, limit) => {
      const reached = (row: FakeRow) =>
        Math.min(...days.filter((each) => (row.credentialExpiresAt ?? Infinity) <= now() + each * 86_400));
      const ending = listRows()
        .filter((row) => row.isActive && row.version > 0 && (row.credentialExpiresAt ?? 0) > now())
        .filter((row) => reached(row) < (row.credentialWarnedDays ?? Infinity))
        .sort((one, other) => (one.credentialExpiresAt ?? 0) - (other.credentialExpiresAt ?? 0))
        .slice(0, limit);
      return ending.map((row) => {
        rows.set(row.id, { ...row, credentialWarnedDays: reached(row) });
        const { id: connectionId, workspaceId, provider, credentialExpiresAt } = row;
        return { connectionId, workspaceId, provider, expiresAt: credentialExpiresAt ?? now(), days: reached(row) };
      });
    },
    readAwsExternalId: async ({ workspaceId }) => externalIds.get(workspaceId) ?? `external-id-of-${workspaceId}`,
    check: async () => void listRows(),
  };
}

function secretChange(row: FakeRow | undefined, record: SecretRecord): Partial<FakeRow> {
  const { version, issuedAt, expiresAt, refreshDueAt, credentialExpiresAt, refreshedAt, consent } = record;
  const isSameEnd = row?.credentialExpiresAt === credentialExpiresAt;
  const known = {
    ...({ version, issuedAt, expiresAt, refreshDueAt, status: "active", lastError: null } as const),
    credentialExpiresAt,
    credentialWarnedDays: isSameEnd ? (row?.credentialWarnedDays ?? null) : null,
  };
  const refreshed = { lastRefreshedAt: refreshedAt ?? row?.lastRefreshedAt ?? null };
  if (consent === null) return { ...known, ...refreshed };
  const { scopes, metadata, upstreamAccount, shared } = consent;
  return { ...known, ...refreshed, scopes, metadata, upstreamAccount, ...(shared !== null && { shared }) };
}

/** A reference that any row holds or ever held is skipped. */
function reserve(
  all: readonly FakeRow[],
  rows: Map<string, FakeRow>,
  now: EpochSeconds,
  scope: Scope,
  { id, provider, account, upstreamAccount, shared, secretRefs }: Reservation,
): Connection {
  const live = all.find(
    (row) => row.isActive && row.ownerId === scope.userId && row.provider === provider && row.account === account,
  );
  if (live !== undefined) return live;
  const secretRef = secretRefs.find((ref) => all.every((row) => row.secretRef !== ref));
  if (secretRef === undefined) throw new AppError("conflict", "Every reference is taken.");
  const row: FakeRow = {
    ...{ id, provider, account, shared, secretRef, isActive: true, upstreamAccount, refreshDueAt: null },
    workspaceId: scope.workspaceId,
    ownerId: requireOwnerId(scope.userId),
    ...{ label: null, status: "connecting", scopes: [], metadata: {}, version: 0, issuedAt: null, expiresAt: null },
    ...{ credentialExpiresAt: null, credentialWarnedDays: null },
    ...{ lastRefreshedAt: null, lastError: null, createdAt: now, updatedAt: now },
  };
  rows.set(id, row);
  return row;
}
