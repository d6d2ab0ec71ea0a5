import { beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { revokeApiKey } from "../../../src/services/identity/revoke-api-key.ts";
import { rotateApiKey } from "../../../src/services/identity/rotate-api-key.ts";
import {
  actionsOf,
  addKey,
  CALL,
  createIdentityWorld,
  type IdentityWorld,
  signUp,
} from "../../support/identity-world.ts";

let world: IdentityWorld;
let admin: Awaited<ReturnType<typeof signUp>>;
let released: unknown[];
let owned: number;
beforeEach(async () => {
  world = createIdentityWorld();
  admin = await signUp(world, "admin@example.com");
  released = [];
  owned = 1;
});

const release = async (...given: unknown[]) => {
  released.push(given);
  const had = owned;
  owned = 0;
  return had;
};
const makeKey = () => addKey(world, admin.principal, ["tokens:read"]);
const rotate = (id: Parameters<typeof rotateApiKey>[2], graceSeconds: number) =>
  rotateApiKey(world.deps, admin.principal, id, graceSeconds, CALL);
const revoke = (id: Parameters<typeof revokeApiKey>[2], how = release) =>
  revokeApiKey(world.deps, admin.principal, id, how, CALL);

describe("the connections of a key", () => {
  test("are released to the admin who revokes the only key", async () => {
    const { id } = await makeKey();
    await revoke(id);
    expect(released).toEqual([[id, admin.id]]);
  });

  test("stay while a key of the same principal lives, whichever is revoked first", async () => {
    const first = await makeKey();
    const second = await rotate(first.id, 60);
    await revoke(first.id);
    expect(released).toEqual([]);
    await revoke(second.id);
    expect(released).toEqual([[first.id, admin.id]]);
  });

  test("are released with the new key when it is revoked after the old one's grace", async () => {
    const first = await makeKey();
    const second = await rotate(first.id, 60);
    await revoke(second.id);
    expect(released).toEqual([]);
    world.clock.seconds += 60;
    await revoke(first.id);
    expect(released).toEqual([[first.id, admin.id]]);
  });

  test("are released once of two last keys that are revoked at once", async () => {
    const first = await makeKey();
    const second = await rotate(first.id, 60);
    await Promise.all([revoke(first.id), revoke(second.id)]);
    expect(owned).toBe(0);
  });

  test("are released by revoking again when that failed half way, and the revocation is recorded once", async () => {
    const { id } = await makeKey();
    const failing = () => Promise.reject(new AppError("database_unavailable", "It is down."));
    await expect(revoke(id, failing)).rejects.toMatchObject({ code: "database_unavailable" });
    await revoke(id);
    expect(released).toEqual([[id, admin.id]]);
    await expect(revoke(id)).rejects.toMatchObject({ code: "not_found" });
    expect(actionsOf(world).filter((action) => action === "apikey.revoked")).toHaveLength(1);
  });

  test("are left alone by an admin of another workspace", async () => {
    const { id } = await makeKey();
    const other = await signUp(world, "other@example.com");
    const revoking = revokeApiKey(world.deps, other.principal, id, release, CALL);
    await expect(revoking).rejects.toMatchObject({ code: "not_found" });
    expect(released).toEqual([]);
  });
});
