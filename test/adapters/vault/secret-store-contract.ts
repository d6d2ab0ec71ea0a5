import { beforeEach, describe, expect, test } from "vitest";
import type { SecretStore } from "../../../src/domain/ports/secret-store.ts";
import type { SecretPlace } from "../../../src/domain/secret-ref.ts";

/** A store under test. */
export interface StoreUnderTest {
  readonly store: SecretStore;
  readonly mount: string;
  /** Deletes the newest version behind the port's back, as another client could. */
  readonly deleteNewest: (place: SecretPlace) => Promise<void>;
}

let places = 0;

/**
 * What every implementation of {@link SecretStore} does. The fake, the client before the embedded server and the client
 * before a real Vault all run this.
 *
 * @param open Called once per test; it may answer the same store each time, since every test uses a place of its own.
 */
export function describeSecretStore(name: string, open: () => StoreUnderTest): void {
  describe(name, () => {
    let store: SecretStore;
    let place: SecretPlace;
    let deleteNewest: StoreUnderTest["deleteNewest"];

    beforeEach(() => {
      const opened = open();
      store = opened.store;
      deleteNewest = opened.deleteNewest;
      place = { mount: opened.mount, path: `users/contract-${Date.now()}-${places++}-token` };
    });

    test("a place nothing was written to reads as absent, at version 0", async () => {
      expect(await store.read(place)).toBeNull();
      expect(await store.readVersion(place, 1)).toBeNull();
      expect(await store.readNewestVersion(place)).toBe(0);
      expect(await store.listVersions(place)).toEqual([]);
    });

    test("the first write names version 0, becomes version 1 and reads back whole", async () => {
      const data = {
        access_token: "ä-🔑-\u2028",
        nested: { list: [1, null, true], empty: {} },
        big: "x".repeat(65_536),
      };
      expect(await store.write(place, data, 0)).toBe(1);
      expect(await store.read(place)).toEqual({ data, version: 1 });
    });

    test("a later write keeps the earlier version readable", async () => {
      await store.write(place, { n: 1 }, 0);
      expect(await store.write(place, { n: 2 }, 1)).toBe(2);
      expect(await store.read(place)).toEqual({ data: { n: 2 }, version: 2 });
      expect(await store.readVersion(place, 1)).toEqual({ data: { n: 1 }, version: 1 });
    });

    test.each([0, 2, 7])("a write that names version %i while 1 is the newest changes nothing", async (cas) => {
      await store.write(place, { n: 1 }, 0);
      expect(await store.write(place, { n: "lost" }, cas)).toBeNull();
      expect(await store.read(place)).toEqual({ data: { n: 1 }, version: 1 });
      expect(await store.readNewestVersion(place)).toBe(1);
    });

    test("a first write that names a version which never was is refused", async () => {
      expect(await store.write(place, { n: 1 }, 1)).toBeNull();
      expect(await store.readNewestVersion(place)).toBe(0);
    });

    test("of eight writers that name the same version one wins", async () => {
      const writers = Array.from({ length: 8 }, (_, n) => store.write(place, { n }, 0));
      const answers = await Promise.all(writers);
      expect(answers.filter((answer) => answer !== null)).toEqual([1]);
      expect(await store.read(place)).toEqual({ data: { n: answers.indexOf(1) }, version: 1 });
    });

    test.each([0, -1, 1.5, 2, Number.NaN])(
      "version %d of a secret that has only version 1 is absent",
      async (version) => {
        await store.write(place, { n: 1 }, 0);
        expect(await store.readVersion(place, version)).toBeNull();
      },
    );

    test("a deleted newest version reads as absent and still counts", async () => {
      await store.write(place, { n: 1 }, 0);
      await store.write(place, { n: 2 }, 1);
      await deleteNewest(place);
      expect(await store.read(place)).toBeNull();
      expect(await store.readVersion(place, 2)).toBeNull();
      expect(await store.readNewestVersion(place)).toBe(2);
      expect((await store.listVersions(place)).map(({ readable }) => readable)).toEqual([true, false]);
      expect(await store.write(place, { n: 3 }, 2)).toBe(3);
    });

    test("versions are listed oldest first, with when they were made, and only the last ten are kept", async () => {
      for (let n = 0; n < 12; n++) await store.write(place, { n }, n);
      const versions = await store.listVersions(place);
      expect(versions.map(({ version }) => version)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      expect(versions.every(({ createdAt, readable }) => readable && Date.parse(createdAt) > 0)).toBe(true);
      expect(await store.readVersion(place, 2)).toBeNull();
      expect(await store.readVersion(place, 3)).toEqual({ data: { n: 2 }, version: 3 });
    });

    test("labels may come before the first write and count as no version", async () => {
      await store.label(place, { connection: "c-1", provider: "github", workspace: "w-1" });
      expect(await store.readNewestVersion(place)).toBe(0);
      expect(await store.read(place)).toBeNull();
      expect(await store.write(place, { n: 1 }, 0)).toBe(1);
    });

    test("labelling a secret leaves its value and version alone", async () => {
      await store.write(place, { n: 1 }, 0);
      await store.label(place, { connection: "c-1" });
      expect(await store.read(place)).toEqual({ data: { n: 1 }, version: 1 });
    });

    test("an erased secret is gone with every version, and counts from 1 again", async () => {
      await store.write(place, { n: 1 }, 0);
      await store.write(place, { n: 2 }, 1);
      await store.erase(place);
      expect(await store.read(place)).toBeNull();
      expect(await store.readVersion(place, 1)).toBeNull();
      expect(await store.readNewestVersion(place)).toBe(0);
      expect(await store.write(place, { n: 3 }, 0)).toBe(1);
      expect(await store.readVersion(place, 2)).toBeNull();
    });

    test("erasing what is not there succeeds", async () => {
      await expect(store.erase(place)).resolves.toBeUndefined();
    });

    test("a secret whose name begins with another's is apart from it", async () => {
      const longer = { ...place, path: `${place.path}-2` };
      const below = { ...place, path: `${place.path}/below` };
      await store.write(place, { n: 1 }, 0);
      await store.write(longer, { n: 2 }, 0);
      await store.write(below, { n: 3 }, 0);
      await store.erase(place);
      expect(await store.read(longer)).toEqual({ data: { n: 2 }, version: 1 });
      expect(await store.read(below)).toEqual({ data: { n: 3 }, version: 1 });
    });

    test("the names below a folder are listed, a folder among them by its slash", async () => {
      const folder = { ...place, path: `${place.path}-folder` };
      expect(await store.list(folder)).toEqual([]);
      await store.write({ ...place, path: `${folder.path}/one-token` }, { n: 1 }, 0);
      await store.write({ ...place, path: `${folder.path}/two-token` }, { n: 2 }, 0);
      await store.write({ ...place, path: `${folder.path}/usr_1/gcp` }, { n: 3 }, 0);
      expect([...((await store.list(folder)) ?? [])].sort()).toEqual(["one-token", "two-token", "usr_1/"]);
      await store.erase({ ...place, path: `${folder.path}/one-token` });
      expect([...((await store.list(folder)) ?? [])].sort()).toEqual(["two-token", "usr_1/"]);
    });

    test("the check passes while the store answers and our login works", async () => {
      await expect(store.check()).resolves.toBeUndefined();
    });
  });
}
