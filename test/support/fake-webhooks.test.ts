import { describe } from "vitest";
import { createId } from "../../src/domain/ids.ts";
import { epochSeconds } from "../../src/domain/time.ts";
import { createFakeWebhooks } from "./fake-webhooks.ts";
import { randomBytes } from "./random-bytes.ts";
import { describeWebhookTables } from "./webhook-contract.ts";

const fake = createFakeWebhooks(() => epochSeconds(Date.now() / 1000));

describe("the webhooks' tables in memory", () => {
  describeWebhookTables(() => ({
    ...fake,
    register: async () => ({ userId: createId("usr", randomBytes), workspaceId: createId("wsp", randomBytes) }),
    purge: async (table, id) => {
      const webhook = fake.webhookRows.get(id);
      const delivery = fake.deliveryRows.get(id);
      if (table === "webhooks" && webhook) fake.webhookRows.set(id, { ...webhook, isDeleted: true });
      if (table === "webhook_deliveries" && delivery) fake.deliveryRows.set(id, { ...delivery, isPurged: true });
    },
  }));
});
