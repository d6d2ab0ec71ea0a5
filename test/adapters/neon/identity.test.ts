import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApiKeyStore } from "../../../src/adapters/neon/api-keys.ts";
import { createCredentialProver } from "../../../src/adapters/neon/credential-prover.ts";
import type { Database } from "../../../src/adapters/neon/database.ts";
import { createKubectlTokenStore } from "../../../src/adapters/neon/kubectl-tokens.ts";
import { createSessionStore } from "../../../src/adapters/neon/sessions.ts";
import { createUserStore } from "../../../src/adapters/neon/users.ts";
import { describeIdentityStores } from "../../support/identity-contract.ts";
import { startMigratedDatabase } from "../../support/migrated-database.ts";

let database: Database;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ database, stop } = await startMigratedDatabase());
});
afterAll(() => stop());

describe("the identity stores in Postgres", () => {
  describeIdentityStores(() => ({
    users: createUserStore(database),
    sessions: createSessionStore(database),
    apiKeys: createApiKeyStore(database),
    kubectlTokens: createKubectlTokenStore(database),
    prover: createCredentialProver(database),
  }));

  test("a workspace sees nothing of another's people and keys through forged scopes", async () => {
    const nobody = { userId: "usr_x", workspaceId: "wsp_x" } as never;
    expect(await createUserStore(database).list(nobody, { limit: 50, after: null })).toEqual([]);
    expect(await createApiKeyStore(database).list(nobody, { limit: 50, after: null })).toEqual([]);
  });
});
