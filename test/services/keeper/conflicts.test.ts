import { describe, expect, test } from "vitest";
import type { SecretData } from "../../../src/domain/token-data.ts";
import { createKeeperWorld, type KeeperWorld } from "../../support/keeper-world.ts";

/** Refreshes, while another client of the same store writes `theirs` between our read and our write. */
async function refreshInto(world: KeeperWorld, theirs: SecretData) {
  await world.pass(3360);
  const go = world.lives.hold("secrets.write");
  const asked = world.call();
  await world.time.flush();
  await world.secrets.write(world.place, theirs, 1);
  go();
  return asked;
}

async function createWorldWithGrant() {
  const world = createKeeperWorld();
  await world.connect();
  return { world, grant: world.record().grant };
}

describe("a write that finds another's in its place", () => {
  test("of the same grant and older: ours is stored, for it must not be dropped", async () => {
    const { world, grant } = await createWorldWithGrant();
    const older = {
      access_token: "older",
      grant,
      issued_at: world.time.now() + 1,
      expires_at: world.time.now() + 9999,
    };
    expect(await refreshInto(world, older)).toMatchObject({
      credential: { version: 3, tokenData: { access_token: "access-2" } },
    });
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
    expect(world.row()).toMatchObject({ version: 3 });
  });

  test("of the same grant and newer: theirs is answered and told", async () => {
    const { world, grant } = await createWorldWithGrant();
    const newer = {
      access_token: "newer",
      grant,
      issued_at: world.time.now() + 3361,
      expires_at: world.time.now() + 9999,
    };
    expect(await refreshInto(world, newer)).toMatchObject({
      credential: { version: 2, tokenData: { access_token: "newer" } },
    });
    expect(await world.stored()).toMatchObject({ access_token: "newer" });
    expect(world.row()).toMatchObject({ version: 2, expiresAt: newer.expires_at });
    expect(world.actions()).not.toContain("connection.refreshed");
  });

  test("of the same grant and the same second: the one that lives longer stays", async () => {
    const { world, grant } = await createWorldWithGrant();
    const longer = {
      access_token: "longer",
      grant,
      issued_at: world.time.now() + 3360,
      expires_at: world.time.now() + 99_999,
    };
    expect(await refreshInto(world, longer)).toMatchObject({ credential: { tokenData: { access_token: "longer" } } });
  });

  test.each([["grt_of_a_reconnect"], [undefined]])(
    "of another grant (%s): theirs stays, is answered and told, ours is neither stored nor revoked",
    async (grant) => {
      const { world } = await createWorldWithGrant();
      const theirs: SecretData = {
        ...world.server.consent(world.time.now() + 3360),
        ...(grant !== undefined && { grant }),
      };
      const theirToken = theirs["access_token"];
      expect(await refreshInto(world, theirs)).toMatchObject({
        credential: { tokenData: { access_token: theirToken } },
      });
      expect(await world.stored()).toMatchObject({ access_token: theirToken });
      expect(world.row()).toMatchObject({ version: 2, status: "active" });
      expect(world.server.revocations).toEqual([]);
      expect(world.record().dueAt).toBeGreaterThan(world.time.now());
    },
  );

  test("and was deleted since: ours is stored on top", async () => {
    const { world, grant } = await createWorldWithGrant();
    await world.pass(3360);
    const go = world.lives.hold("secrets.write");
    const asked = world.call();
    await world.time.flush();
    await world.secrets.write(world.place, { access_token: "theirs", grant }, 1);
    await world.secrets.deleteNewest(world.place);
    go();
    expect(await asked).toMatchObject({ credential: { version: 3 } });
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
  });

  test("is no match for a consent, which replaces whatever is there", async () => {
    const { world } = await createWorldWithGrant();
    const go = world.lives.hold("secrets.write");
    const storing = world.store();
    await world.time.flush();
    await world.secrets.write(world.place, { access_token: "theirs", grant: "grt_other", issued_at: 2_000_000_000 }, 1);
    go();
    expect(await storing).toBe(3);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
  });
});

describe("a secret another client of the store wrote earlier", () => {
  test("is found by the next run, told to Postgres and the cache, and not refreshed", async () => {
    const { world, grant } = await createWorldWithGrant();
    await world.pass(3360);
    await world.secrets.write(world.place, { ...world.server.consent(world.time.now()), grant }, 1);
    expect(await world.call()).toMatchObject({ refreshed: false, credential: { version: 2 } });
    expect(world.row()).toMatchObject({ version: 2 });
    expect(world.cache.copies.has(`${world.binding.id}:2`)).toBe(true);
    expect(world.server.calls).toHaveLength(0);
  });

  test("is found by the alarm, which then leaves the provider alone", async () => {
    const { world, grant } = await createWorldWithGrant();
    await world.pass(3200);
    await world.secrets.write(world.place, { ...world.server.consent(world.time.now()), grant }, 1);
    await world.advance(1000);
    expect(world.server.calls).toHaveLength(0);
    expect(world.row()).toMatchObject({ version: 2, status: "active" });
    expect(world.record().dueAt).toBeGreaterThan(world.time.now());
  });
});
