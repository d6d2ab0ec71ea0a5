import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { createDeps } from "../../src/deps.ts";
import type { AuditLogObject } from "../../src/domain/audit-chain.ts";
import { checkpointMessage } from "../../src/domain/audit-checkpoint.ts";
import type { AuditEntry } from "../../src/domain/audit-event.ts";
import { createId } from "../../src/domain/ids.ts";
import { requireValue } from "../../src/domain/outcome.ts";
import { addSeconds } from "../../src/domain/time.ts";
import { listCheckpointKeys } from "../../src/services/audit/checkpoint-keys.ts";
import { pruneAuditEvents } from "../../src/services/audit/prune-audit-events.ts";
import { verifyAuditChain } from "../../src/services/audit/verify-audit-chain.ts";
import { pruneChains } from "../../src/services/retention/prune-chains.ts";
import { tellPurges } from "../../src/services/retention/tell-purges.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";
import { watchNetwork } from "../support/worker-network.ts";

type Stub = DurableObjectStub & AuditLogObject;

const DAY_SECONDS = 86_400;
const bindings = env as unknown as Bindings;
const deps = createDeps(bindings, { waitUntil: () => undefined });

const LOGIN: AuditEntry = {
  action: "user.login",
  outcome: "success",
  actor: { type: "user", id: "usr_1" },
  resource: null,
  ip: "192.0.2.1",
  requestId: "req_1",
  detail: {},
};
const logins = (count: number) => Array.from({ length: count }, () => LOGIN);

function openWorkspace() {
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const scope = { userId: createId("usr", random), workspaceId: createId("wsp", random) };
  const chain = scope.workspaceId;
  const log = bindings.AUDIT_LOG.get(bindings.AUDIT_LOG.idFromName(chain)) as unknown as Stub;
  return { scope, chain, log };
}

const stored = ({ scope }: ReturnType<typeof openWorkspace>) => deps.auditCheckpoints.list(scope, 0, 10);

/** A chain of 1,100 events whose checkpoint is signed and stored. */
async function signedChain() {
  const workspace = openWorkspace();
  requireValue(await workspace.log.append(workspace.chain, logins(1100)));
  await runDurableObjectAlarm(workspace.log);
  await vi.waitFor(async () => expect(await stored(workspace)).toHaveLength(1), { timeout: 10_000 });
  return workspace;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a checkpoint", () => {
  test("is made by the log itself, and its signature holds with the published key", async () => {
    const workspace = await signedChain();
    const [checkpoint] = await stored(workspace);
    if (checkpoint === undefined) throw new Error("there is no checkpoint");
    const key = (await listCheckpointKeys(deps)).find(({ kid }) => kid === checkpoint.keyId);
    if (key === undefined) throw new Error("the key is not published");
    const publicKey = await crypto.subtle.importKey("jwk", { ...key }, { name: "Ed25519" }, false, ["verify"]);
    const base64 = checkpoint.signature.replaceAll("-", "+").replaceAll("_", "/");
    const signature = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const message = new TextEncoder().encode(checkpointMessage(workspace.chain, checkpoint));
    expect(await crypto.subtle.verify("Ed25519", publicKey, signature, message)).toBe(true);
    const [row] = await deps.auditEvents.rows(workspace.scope, 999, 1);
    expect(checkpoint).toMatchObject({ seq: 1000, hash: row?.hash });
    expect(await verifyAuditChain(deps, workspace.scope)).toMatchObject({ ok: true, events: 1100 });
  });

  test.each([
    ["edited", "update audit_checkpoints set hash = repeat('0', 64) where workspace_id = $1"],
    ["moved in time", "update audit_checkpoints set at = at + interval '1 microsecond' where workspace_id = $1"],
    ["deleted", "delete from audit_checkpoints where workspace_id = $1"],
  ])("that was %s is found", async (_, statement) => {
    const { scope, chain } = await signedChain();
    await queryAsOwner(statement, [chain]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({
      ok: false,
      firstBadSeq: null,
      firstBadCheckpoint: 1000,
    });
  });

  test("stays due while Vault is away, events go on, and it comes once Vault is back", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const workspace = openWorkspace();
    const network = watchNetwork();
    network.fail("vault", 503);
    requireValue(await workspace.log.append(workspace.chain, logins(1000)));
    await runDurableObjectAlarm(workspace.log);
    await vi.waitFor(async () => expect(await workspace.log.pending(0, 1)).toEqual([]), { timeout: 10_000 });
    const failures = () =>
      runInDurableObject(workspace.log, (_, { storage }) =>
        Number(storage.sql.exec("select failures from anchor").one()["failures"]),
      );
    await vi.waitFor(async () => expect(await failures()).toBeGreaterThan(0), { timeout: 10_000 });
    expect(await runInDurableObject(workspace.log, (_, { storage }) => storage.getAlarm())).not.toBeNull();
    expect(await verifyAuditChain(deps, workspace.scope)).toMatchObject({ ok: true, events: 1000 });
    network.mend();
    await evictDurableObject(workspace.log);
    await vi.waitFor(async () => expect(await stored(workspace)).toHaveLength(1), { timeout: 20_000 });
  });
});

describe("pruning", () => {
  /** Three events of 400 days ago, and two of today. */
  async function oldChain() {
    const workspace = openWorkspace();
    const { log, chain } = workspace;
    const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() - 400 * DAY_SECONDS * 1000);
    requireValue(await log.append(chain, logins(3)));
    clock.mockRestore();
    requireValue(await log.append(chain, logins(2)));
    requireValue(await log.flush());
    return workspace;
  }
  const prune = (chain: string) => pruneAuditEvents(deps, chain, addSeconds(deps.now(), -365 * DAY_SECONDS));

  test("deletes what is old enough, and the chain verifies from its signed anchor on", async () => {
    const workspace = await oldChain();
    const { scope, chain, log } = workspace;
    expect(await prune(chain)).toEqual({ events: 3, upToSeq: 3, hasMore: false, firstBadSeq: null });
    expect(await prune(chain)).toMatchObject({ events: 0 });
    await evictDurableObject(log);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 2, provenSeq: 5 });
    expect(await stored(workspace)).toMatchObject([{ seq: 3 }]);
    const rows = await deps.auditEvents.rows(scope, 0, 10);
    expect(rows.map(({ seq }) => seq)).toEqual([4, 5]);
  });

  test("is planned and done by the daily run, which tells the chain once", async () => {
    const { scope, chain } = await oldChain();
    await queryAsOwner("insert into workspaces (id, name) values ($1, 'w')", [chain]);
    const plan = async () => (await deps.retention.plan(365)).filter(({ workspaceId }) => workspaceId === chain);
    const lines = await plan();
    expect(lines).toMatchObject([{ kind: "audit_events", count: 3 }]);
    expect([await pruneChains(deps, lines), await pruneChains(deps, lines)]).toEqual([3, 0]);
    expect(await plan()).toEqual([]);
    await tellPurges(deps);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 3, provenSeq: 6 });
    const rows = await deps.auditEvents.rows(scope, 5, 10);
    expect(rows).toMatchObject([
      { columns: { action: "retention.purged", detail: { kind: "audit_events", count: 3 } } },
    ]);
  });

  test.each<[string, string, number]>([
    ["the beginning cut off further", "delete from audit_events where workspace_id = $1 and seq = 4", 4],
    ["a pruned row put back", "update audit_events set seq = 2 where workspace_id = $1 and seq = 4", 2],
  ])("%s is found", async (_, statement, firstBadSeq) => {
    const { scope, chain } = await oldChain();
    await prune(chain);
    await queryAsOwner(statement, [chain]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: false, firstBadSeq });
  });

  test("is refused where something was tampered with", async () => {
    const { scope, chain } = await oldChain();
    await queryAsOwner("update audit_events set ip = 'x' where workspace_id = $1 and seq = 2", [chain]);
    expect(await prune(chain)).toMatchObject({ events: 0, firstBadSeq: 2 });
    expect(await deps.auditEvents.rows(scope, 0, 10)).toHaveLength(5);
  });

  test("cannot begin the chain where it never was", async () => {
    const { chain, log } = await oldChain();
    const beyond = await log.anchor(chain, { seq: 6, hash: "0".repeat(64) });
    expect(beyond).toMatchObject({ ok: false, code: "invalid_request" });
    await prune(chain);
    expect(await log.anchor(chain, { seq: 2, hash: "0".repeat(64) })).toMatchObject({ ok: false });
  });
});
