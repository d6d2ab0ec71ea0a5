import { createPublicKey, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { checkpointMessage } from "../../../src/domain/audit-checkpoint.ts";
import { createSigningKey, SEED_BYTES, signText } from "../../../src/domain/ed25519.ts";
import { AppError } from "../../../src/domain/errors.ts";
import { createSecretRef, parseSecretRef } from "../../../src/domain/secret-ref.ts";
import { listCheckpointKeys, requireCheckpointKey } from "../../../src/services/audit/checkpoint-keys.ts";
import { flushAuditEvents } from "../../../src/services/audit/flush-audit-events.ts";
import { verifyAuditChain } from "../../../src/services/audit/verify-audit-chain.ts";
import { createFakeSecretStore } from "../../support/fake-secret-store.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { TEST_SETTINGS } from "../../support/test-settings.ts";
import { CHAIN, createFakeLog, type FakeLog, KEY, recordLogins, SCOPE } from "./fake-log.ts";

function isSigned(log: FakeLog, index = 0): boolean {
  const checkpoint = log.checkpoints.table[index];
  if (checkpoint === undefined) throw new Error("there is no such checkpoint");
  const { kty, crv, x } = KEY;
  const key = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
  const signature = Buffer.from(checkpoint.signature, "base64url");
  return verify(null, Buffer.from(checkpointMessage(CHAIN, checkpoint)), key, signature);
}

async function logOf(count: number): Promise<FakeLog> {
  const log = createFakeLog();
  await recordLogins(log, count);
  await flushAuditEvents(log.flush);
  await log.sign();
  return log;
}

describe("a checkpoint", () => {
  test("is signed for every thousandth event, with its hash", async () => {
    const log = await logOf(2100);
    expect(log.checkpoints.table.map(({ seq, hash }) => [seq, hash])).toEqual([
      [1000, log.rows[999]?.hash],
      [2000, log.rows[1999]?.hash],
    ]);
    expect([isSigned(log, 0), isSigned(log, 1)]).toEqual([true, true]);
    expect(log.checkpoints.table[0]?.keyId).toBe(KEY.kid);
  });

  test("is not due before", async () => {
    expect((await logOf(999)).checkpoints.table).toEqual([]);
  });

  test("that could not be signed or stored is tried again later each time, and then is there", async () => {
    const log = createFakeLog();
    await recordLogins(log, 1000);
    log.checkpoints.outage = new AppError("database_unavailable", "away");
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      await expect(log.sign()).rejects.toMatchObject({ code: "database_unavailable" });
      waits.push((log.checkpoints.retryAtMs() - log.clock.ms) / 1000);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    log.checkpoints.outage = null;
    await log.sign();
    expect([isSigned(log), log.checkpoints.retryAtMs()]).toEqual([true, 0]);
  });

  test("is stored as it was first signed, however often it is tried", async () => {
    const log = createFakeLog();
    await recordLogins(log, 1000);
    const signedAt = new Date(log.clock.ms).toISOString();
    log.checkpoints.outage = new AppError("database_unavailable", "away");
    await expect(log.sign()).rejects.toThrow();
    log.clock.ms += 60_000;
    log.checkpoints.outage = null;
    await log.sign();
    expect(log.checkpoints.table).toMatchObject([{ seq: 1000, at: signedAt }]);
  });

  test("that is planted where one is about to be stored is found", async () => {
    const log = createFakeLog();
    await recordLogins(log, 1000);
    log.checkpoints.table = [{ seq: 1000, hash: "0".repeat(64), at: "", keyId: "", signature: "" }];
    await log.sign();
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false, firstBadCheckpoint: 1000 });
  });

  test("that waits for its signature is not missed", async () => {
    const log = createFakeLog();
    await recordLogins(log, 1000);
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: true, events: 1000 });
  });
});

describe("the key that signs", () => {
  const settings = TEST_SETTINGS;
  const place = parseSecretRef(createSecretRef("aurora", "users", "aurora-test-audit-checkpoint-keys"), "aurora");
  const createDeps = () => ({ settings, random: randomBytes, secrets: createFakeSecretStore() });

  test("is made at first need, and once", async () => {
    const deps = createDeps();
    expect(await listCheckpointKeys(deps)).toEqual([]);
    const key = await requireCheckpointKey(deps);
    expect(await requireCheckpointKey(deps)).toEqual(key);
    expect(deps.secrets.paths()).toEqual(["aurora/users/aurora-test-audit-checkpoint-keys"]);
  });

  test("is the same for two who make it at once", async () => {
    const deps = createDeps();
    const [one, other] = await Promise.all([requireCheckpointKey(deps), requireCheckpointKey(deps)]);
    expect(one).toEqual(other);
  });

  test("is published without its secret half", async () => {
    const deps = createDeps();
    const { d, ...published } = await requireCheckpointKey(deps);
    expect(d).toMatch(/^[\w-]{43}$/);
    expect(await listCheckpointKeys(deps)).toEqual([published]);
  });

  test("is the first of those stored; the others are still published", async () => {
    const deps = createDeps();
    const old = await requireCheckpointKey(deps);
    const fresh = await createSigningKey(randomBytes(SEED_BYTES));
    await deps.secrets.write(place, { keys: [fresh, old] }, 1);
    expect(await requireCheckpointKey(deps)).toEqual(fresh);
    expect((await listCheckpointKeys(deps)).map(({ kid }) => kid)).toEqual([fresh.kid, old.kid]);
  });

  test("is not replaced when what is stored cannot be read", async () => {
    const deps = createDeps();
    await deps.secrets.write(place, { keys: [{ kty: "RSA", d: "a secret" }] }, 0);
    await expect(requireCheckpointKey(deps)).rejects.toMatchObject({ code: "vault_unavailable" });
    await expect(requireCheckpointKey(deps)).rejects.not.toThrow(/a secret/);
    expect(await deps.secrets.readNewestVersion(place)).toBe(1);
  });

  test("is not made while the secret store is away", async () => {
    const deps = createDeps();
    deps.secrets.setDown(true);
    await expect(requireCheckpointKey(deps)).rejects.toMatchObject({ code: "vault_unavailable" });
  });

  test("signs as RFC 8032 has it, and is named as RFC 8037 has it", async () => {
    const seed = Uint8Array.from(
      Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex"),
    );
    const key = await createSigningKey(seed);
    expect(key).toMatchObject({
      x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
      d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
      kid: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    });
    const empty =
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    expect(await signText(key, "")).toBe(Buffer.from(empty, "hex").toString("base64url"));
  });
});
