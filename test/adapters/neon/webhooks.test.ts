import { afterAll, beforeAll, describe } from "vitest";
import { createUserStore } from "../../../src/adapters/neon/users.ts";
import { createDeliveryQueue } from "../../../src/adapters/neon/webhook-deliveries.ts";
import { createWebhookStore } from "../../../src/adapters/neon/webhooks.ts";
import { registerSomebody } from "../../support/identity-contract-rows.ts";
import { type MigratedDatabase, startMigratedDatabase } from "../../support/migrated-database.ts";
import { describeWebhookTables } from "../../support/webhook-contract.ts";

let migrated: MigratedDatabase;
beforeAll(async () => {
  migrated = await startMigratedDatabase();
});
afterAll(() => migrated?.stop());

describe("the webhooks' tables in Postgres", () => {
  describeWebhookTables(() => ({
    webhooks: createWebhookStore(migrated.database),
    webhookDeliveries: createDeliveryQueue(migrated.database),
    register: () => registerSomebody(createUserStore(migrated.database)),
    purge: (table, id) => migrated.purge(table, id),
  }));
});
