import { env } from "cloudflare:workers";
import type { Bindings } from "../../src/bindings.ts";
import { random } from "../../src/clock.ts";
import { createDeps } from "../../src/deps.ts";
import type { AuditLogObject } from "../../src/domain/audit-chain.ts";
import type { AuditEntry } from "../../src/domain/audit-event.ts";
import { createId } from "../../src/domain/ids.ts";
import type { Scope } from "../../src/domain/principal.ts";

/** The object of a chain, as the Worker reaches it. */
export type Stub = DurableObjectStub & AuditLogObject;

const bindings = env as unknown as Bindings;
/** What the Worker would go on with after its answer. */
export const deferred: Promise<unknown>[] = [];
export const deps = createDeps(bindings, { waitUntil: (work) => void deferred.push(work) });
/** The first page of everything. */
export const ALL = { after: 0, limit: 200, action: null, actor: null } as const;

/** An entry that is recorded each time. */
export const LOGIN: AuditEntry = {
  action: "user.login",
  outcome: "success",
  actor: { type: "user", id: "usr_1" },
  resource: { type: "connection", id: "con_1", provider: "github" },
  ip: "192.0.2.1",
  requestId: "req_1",
  detail: { mode: "session" },
};
/** One that is counted. */
export const FAILED = { ...LOGIN, action: "auth.failed", outcome: "failure" } as const;

/** A workspace of its own, so that files and tests can share the database. */
export function openWorkspace(): { scope: Scope; chain: string; log: Stub } {
  const scope = { userId: createId("usr", random), workspaceId: createId("wsp", random) };
  return { scope, chain: scope.workspaceId, log: findLog(scope.workspaceId) };
}

export function findLog(chain: string): Stub {
  return bindings.AUDIT_LOG.get(bindings.AUDIT_LOG.idFromName(chain)) as unknown as Stub;
}
