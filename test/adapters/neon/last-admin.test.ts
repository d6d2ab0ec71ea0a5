import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUserStore } from "../../../src/adapters/neon/users.ts";
import type { UserStore } from "../../../src/domain/ports/identity-stores.ts";
import { addUser, registerSomebody } from "../../support/identity-contract-rows.ts";
import { startMigratedDatabase } from "../../support/migrated-database.ts";
import { findPostgres, startRealPostgres } from "../../support/real-postgres.ts";

const ROUNDS = 10;

/** PGlite has one connection, so only a real server shows what two transactions at once do. */
describe.skipIf(findPostgres() === null)("on a real server", () => {
  let users: UserStore;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    const server = await startRealPostgres();
    const migrated = await startMigratedDatabase(server?.adminUrl);
    users = createUserStore(migrated.database);
    stop = async () => {
      await migrated.stop();
      await server?.stop();
    };
  });
  afterAll(() => stop());

  test("of four admins who are all removed at once exactly one stays, and nobody waits for ever", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const scope = await registerSomebody(users);
      const others = await Promise.all([1, 2, 3].map(() => addUser(users, scope, "admin")));
      const changes = [scope.userId, ...others].map((id, index) =>
        users.change(scope, id, index % 2 === 0 ? { isActive: false } : { role: "viewer" }),
      );
      const outcomes = await Promise.all(changes);
      expect(outcomes.filter((outcome) => outcome === "last_admin")).toHaveLength(1);
    }
  });
});
