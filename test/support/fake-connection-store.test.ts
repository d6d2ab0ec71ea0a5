import { describe } from "vitest";
import { createId } from "../../src/domain/ids.ts";
import { epochSeconds } from "../../src/domain/time.ts";
import { describeConnectionStore } from "./connection-contract.ts";
import { createFakeConnectionStore } from "./fake-connection-store.ts";
import { randomBytes } from "./random-bytes.ts";

const connections = createFakeConnectionStore(() => epochSeconds(Math.floor(Date.now() / 1000)));

describe("the connections' table in memory", () => {
  describeConnectionStore(() => ({
    connections,
    register: async () => ({ userId: createId("usr", randomBytes), workspaceId: createId("wsp", randomBytes) }),
    purge: async (id) => {
      const row = connections.rows.get(id);
      if (row !== undefined) connections.rows.set(id, { ...row, isActive: false });
    },
  }));
});
