import { afterAll, beforeAll, describe } from "vitest";
import { createConnectionStore } from "../../../src/adapters/neon/connections.ts";
import { createUserStore } from "../../../src/adapters/neon/users.ts";
import { describeConnectionStore } from "../../support/connection-contract.ts";
import { registerSomebody } from "../../support/identity-contract-rows.ts";
import { type MigratedDatabase, startMigratedDatabase } from "../../support/migrated-database.ts";

let migrated: MigratedDatabase;
beforeAll(async () => {
  migrated = await startMigratedDatabase();
});
afterAll(() => migrated?.stop());

describe("the connections' table in Postgres", () => {
  describeConnectionStore(() => ({
    connections: createConnectionStore(migrated.database),
    register: () => registerSomebody(createUserStore(migrated.database)),
    purge: (id) => migrated.purge("user_tokens", id),
  }));
});
