import { describe } from "vitest";
import { createFakeIdentity } from "./fake-identity.ts";
import { describeIdentityStores } from "./identity-contract.ts";

const stores = createFakeIdentity();

describe("the identity stores in memory", () => {
  describeIdentityStores(() => stores);
});
