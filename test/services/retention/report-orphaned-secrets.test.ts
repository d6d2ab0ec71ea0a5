import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createId } from "../../../src/domain/ids.ts";
import type { RetentionStore } from "../../../src/domain/retention.ts";
import { createSecretRef, type SecretRef } from "../../../src/domain/secret-ref.ts";
import type { Deps } from "../../../src/services/deps.ts";
import { reportOrphanedSecrets } from "../../../src/services/retention/report-orphaned-secrets.ts";
import { createFakeAuditLog } from "../../support/fake-audit-log.ts";
import { createLogbook } from "../../support/fake-logbook.ts";
import { createFakeSecretStore } from "../../support/fake-secret-store.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { TEST_SETTINGS } from "../../support/test-settings.ts";

const sha256 = async (text: string) => createHash("sha256").update(text).digest("hex");
const newName = (owner = createId("usr", randomBytes)) => `aurora-test-${owner}-gcp-token`;

function createWorld() {
  const known = new Set<SecretRef>();
  const secrets = createFakeSecretStore();
  const audit = createFakeAuditLog();
  const asked: number[] = [];
  const retention = {
    listUnknownSecrets: async (refs: readonly SecretRef[]) => {
      asked.push(refs.length);
      return refs.filter((ref) => !known.has(ref));
    },
  } as Partial<RetentionStore> as RetentionStore;
  const { now } = createFakeTime();
  const log = createLogbook();
  const deps: Pick<Deps, "audit" | "log" | "now" | "retention" | "secrets" | "settings" | "sha256"> = {
    ...{ audit, log, now, retention, secrets, sha256 },
    settings: TEST_SETTINGS,
  };
  const write = (name: string) => secrets.write({ mount: "aurora", path: `users/${name}` }, { a: 1 }, 0);
  const know = (name: string) => void known.add(createSecretRef("aurora", "users", name));
  return { deps, secrets, audit, log, asked, write, know, report: () => reportOrphanedSecrets(deps) };
}

describe("orphaned secrets", () => {
  test("are counted and named by hash alone, in the log and in the operator's chain, and stay where they are", async () => {
    const world = createWorld();
    const [kept, orphan] = [newName(), newName()];
    await world.write(kept);
    await world.write(orphan);
    world.know(kept);
    await world.report();
    const name_hashes = [await sha256(orphan)];
    expect(world.audit.entries).toMatchObject([
      {
        chain: "wsp_unauthenticated",
        action: "retention.purged",
        detail: { kind: "orphaned_secrets", count: 0, reported: 1, name_hashes },
      },
    ]);
    expect(world.log.lines).toMatchObject([{ level: "warn", fields: { count: 1, name_hashes } }]);
    expect(JSON.stringify([world.audit.entries, world.log.lines])).not.toContain("usr_");
    expect(world.secrets.paths()).toHaveLength(2);
  });

  test("are none while every secret has its row", async () => {
    const world = createWorld();
    const name = newName();
    await world.write(name);
    world.know(name);
    await world.report();
    expect([world.audit.entries, world.log.lines]).toEqual([[], []]);
  });

  test.each([
    "aurora-production-usr_0123456789abcdef0123456789abcdef-gcp-token",
    "aurora-test-42-gcp-token",
    "aurora-test-webhook-usr_0123456789abcdef0123456789abcdef",
    "aurora-test-usr_0123456789abcdef0123456789abcdef-gcp-key",
    "usr_0123456789abcdef0123456789abcdef/gcp",
  ])("are not looked for where another system, environment or purpose has its own: %s", async (name) => {
    const world = createWorld();
    await world.write(name);
    await world.report();
    expect([world.asked, world.audit.entries]).toEqual([[], []]);
  });

  test("are not what another run is purging at this moment", async () => {
    const world = createWorld();
    const name = newName();
    await world.write(name);
    const { listUnknownSecrets } = world.deps.retention;
    world.deps.retention.listUnknownSecrets = async (refs) => {
      await world.secrets.erase({ mount: "aurora", path: `users/${name}` });
      return listUnknownSecrets(refs);
    };
    await world.report();
    expect(world.audit.entries).toEqual([]);
  });

  test("are asked for a thousand at a time, and at most twenty are named", async () => {
    const world = createWorld();
    for (let n = 0; n < 1005; n++) await world.write(newName());
    await world.report();
    expect(world.asked).toEqual([1000, 5]);
    const [event] = world.audit.entries;
    expect(event?.detail).toMatchObject({ reported: 1005 });
    expect(event?.detail["name_hashes"]).toHaveLength(20);
  });

  test("cannot be found without the right to list, which is said in one line", async () => {
    const world = createWorld();
    world.secrets.setMayList(false);
    await world.report();
    expect(world.log.lines).toMatchObject([{ level: "warn", message: expect.stringContaining("lacks `list`") }]);
    expect(world.audit.entries).toEqual([]);
  });

  test("are not looked for while the secret store is away, which is no failure", async () => {
    const world = createWorld();
    world.secrets.setDown(true);
    await world.report();
    expect(world.log.lines).toMatchObject([{ fields: { code: "vault_unavailable" } }]);
  });
});
