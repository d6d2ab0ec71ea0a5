import { createFakeSecretStore } from "../../support/fake-secret-store.ts";
import { describeSecretStore } from "./secret-store-contract.ts";

describeSecretStore("the fake secret store", () => {
  const store = createFakeSecretStore();
  return { store, mount: "aurora", deleteNewest: store.deleteNewest };
});
