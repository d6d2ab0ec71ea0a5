import { describe } from "vitest";
import { createFakeIdentity } from "./fake-identity.ts";
import { describeIdentityStores } from "./identity-contract.ts";
import type { Table } from "./identity-contract-rows.ts";

const stores = createFakeIdentity();

describe("the identity stores in memory", () => {
  describeIdentityStores(() => ({ ...stores, purge }));
});

/** The maps keep it, where nobody sees it. */
async function purge(table: Table, id: string): Promise<void> {
  const tables: Readonly<Record<Table, Map<string, object>>> = {
    users: stores.userRows,
    sessions: stores.sessionRows,
    api_keys: stores.keyRows,
    kubectl_tokens: stores.kubectlRows,
  };
  tables[table].set(id, { ...tables[table].get(id), workspaceId: "wsp_purged", userId: "usr_purged" });
}
