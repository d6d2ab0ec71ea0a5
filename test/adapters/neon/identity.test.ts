import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApiKeyStore } from "../../../src/adapters/neon/api-keys.ts";
import { createCredentialProver } from "../../../src/adapters/neon/credential-prover.ts";
import type { Database } from "../../../src/adapters/neon/database.ts";
import { createKubectlTokenStore } from "../../../src/adapters/neon/kubectl-tokens.ts";
import { createSessionStore } from "../../../src/adapters/neon/sessions.ts";
import { createUserStore } from "../../../src/adapters/neon/users.ts";
import { describeIdentityStores } from "../../support/identity-contract.ts";
import { FIRST_PAGE } from "../../support/identity-contract-rows.ts";
import { startMigratedDatabase } from "../../support/migrated-database.ts";

let database: Database;
let purge: (table: string, id: string) => Promise<void>;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ database, purge, stop } = await startMigratedDatabase());
});
afterAll(() => stop());

describe("the identity stores in Postgres", () => {
  describeIdentityStores(() => ({
    users: createUserStore(database),
    sessions: createSessionStore(database),
    apiKeys: createApiKeyStore(database),
    kubectlTokens: createKubectlTokenStore(database),
    prover: createCredentialProver(database),
    purge,
  }));

  test("a workspace sees nothing of another's people and keys through forged scopes", async () => {
    const nobody = { userId: "usr_x", workspaceId: "wsp_x" } as never;
    expect(await createUserStore(database).list(nobody, FIRST_PAGE)).toEqual({ items: [], next: null });
    expect(await createApiKeyStore(database).list(nobody, FIRST_PAGE)).toEqual({ items: [], next: null });
  });
});
