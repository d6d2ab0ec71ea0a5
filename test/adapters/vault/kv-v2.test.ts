import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningVault, startVault } from "../../../local/vault/server.ts";
import { createSecretStore } from "../../../src/adapters/vault/kv-v2.ts";
import { createStaticSession } from "../../../src/adapters/vault/session.ts";
import { createVaultHttp } from "../../../src/adapters/vault/vault-http.ts";
import type { SecretStore } from "../../../src/domain/ports/secret-store.ts";
import { createSecret } from "../../../src/domain/secret.ts";
import { describeSecretStore } from "./secret-store-contract.ts";
import { callVault, connectTo, connectToAnswers, deleteNewest, json } from "./vault-support.ts";

let vault: RunningVault;
let store: SecretStore;

beforeAll(async () => {
  vault = await startVault({ port: 0, dataDir: null });
  store = openStore(vault.rootToken);
});

afterAll(() => vault.stop());

function openStore(token: string): SecretStore {
  return createSecretStore(
    createVaultHttp({ ...connectTo(vault.address), session: createStaticSession(createSecret(token)) }),
  );
}

describeSecretStore("the Vault client before the embedded server", () => ({
  store,
  mount: "aurora",
  deleteNewest: (place) => deleteNewest(vault.address, vault.rootToken, place),
}));

describe("what the store holds", () => {
  const place = { mount: "aurora", path: "users/shape" };
  const dataPath = "/v1/aurora/data/users/shape";

  test("a secret is written as the JSON text an existing Aurora reads", async () => {
    await store.write(place, { access_token: "a" }, 0);
    const { body } = await callVault(vault.address, vault.rootToken, "GET", dataPath);
    expect(body.data.data).toEqual({ value: '{"access_token":"a"}' });
  });

  test.each([
    ["JSON text in value", { value: '{"a":1}' }, { a: 1 }],
    ["text that is not JSON in value", { value: "ghp_raw" }, { token: "ghp_raw" }],
    ["a JSON number in value", { value: "123" }, { token: "123" }],
    ["a plain object", { access_token: "a", expires_at: 5 }, { access_token: "a", expires_at: 5 }],
    ["a plain object with a member named value", { value: "v", other: 1 }, { value: "v", other: 1 }],
  ])("%s is read", async (_, stored, expected) => {
    await callVault(vault.address, vault.rootToken, "POST", dataPath, { data: stored });
    expect((await store.read(place))?.data).toEqual(expected);
  });

  test("labels are the secret's custom metadata", async () => {
    await store.label(place, { connection: "c-1", provider: "github" });
    const { body } = await callVault(vault.address, vault.rootToken, "GET", "/v1/aurora/metadata/users/shape");
    expect(body.data.custom_metadata).toEqual({ connection: "c-1", provider: "github" });
  });

  test("a destroyed version is listed as not readable", async () => {
    const destroyed = { mount: "aurora", path: "users/destroyed" };
    await store.write(destroyed, { n: 1 }, 0);
    await callVault(vault.address, vault.rootToken, "PUT", "/v1/aurora/destroy/users/destroyed", { versions: [1] });
    expect(await store.read(destroyed)).toBeNull();
    expect(await store.listVersions(destroyed)).toMatchObject([{ version: 1, readable: false }]);
  });
});

describe("what the client refuses", () => {
  const unsafe = [
    "users/../system/x",
    "users/%2e%2e/x",
    "users/.%2E/x",
    "users//x",
    "users/./x",
    "../x",
    "",
    "users/x/",
    " .. /x",
  ];

  test.each(unsafe)("the path %j is not sent", async (path) => {
    const { connection, requests } = connectToAnswers(json(200, {}));
    const guarded = createSecretStore(
      createVaultHttp({ ...connection, session: createStaticSession(createSecret("t")) }),
    );
    const place = { mount: "aurora", path };
    await expect(guarded.read(place)).rejects.toThrow(RangeError);
    await expect(guarded.write(place, {}, 0)).rejects.toThrow(RangeError);
    await expect(guarded.erase(place)).rejects.toThrow(RangeError);
    await expect(guarded.read({ mount: "..", path: "x" })).rejects.toThrow(RangeError);
    expect(requests).toEqual([]);
  });

  test("a slash, question mark or hash inside a segment stays in that segment", async () => {
    const { connection, requests } = connectToAnswers(json(404, { errors: [] }));
    const guarded = createSecretStore(
      createVaultHttp({ ...connection, session: createStaticSession(createSecret("t")) }),
    );
    await guarded.read({ mount: "aurora", path: "users/a?version=1#%2f" });
    expect(new URL(requests[0]?.url ?? "").pathname).toBe("/v1/aurora/data/users/a%3Fversion%3D1%23%252f");
  });

  test("a mount that does not exist is a failure, never an empty secret", async () => {
    const place = { mount: "elsewhere", path: "users/x" };
    await expect(store.read(place)).rejects.toMatchObject({ code: "vault_unavailable" });
    await expect(store.readNewestVersion(place)).rejects.toMatchObject({ code: "vault_unavailable" });
    await expect(store.erase(place)).rejects.toMatchObject({ code: "vault_unavailable" });
  });

  test.each([
    ["no data", {}],
    ["another engine's data", { data: { value: "x" } }],
    ["data that is no object", { data: { data: [], metadata: { version: 1 } } }],
    ["no version", { data: { data: {}, metadata: {} } }],
  ])("an answer with %s is a failure", async (_, body) => {
    const { connection } = connectToAnswers(json(200, body));
    const odd = createSecretStore(createVaultHttp({ ...connection, session: createStaticSession(createSecret("t")) }));
    await expect(odd.read({ mount: "aurora", path: "x" })).rejects.toMatchObject({ code: "vault_unavailable" });
  });

  test("nothing of a write is in the error that refuses it", async () => {
    const { connection } = connectToAnswers(json(400, { errors: ["secret s3cret-value at users/x is too odd"] }));
    const refusing = createSecretStore(
      createVaultHttp({ ...connection, session: createStaticSession(createSecret("hvs.token")) }),
    );
    const error = await refusing.write({ mount: "aurora", path: "users/x" }, { k: "s3cret-value" }, 0).catch(String);
    expect(error).not.toMatch(/s3cret|users\/x|hvs|vault\.test/);
  });
});

describe("a write whose answer was lost", () => {
  const place = { mount: "aurora", path: "users/lost" };
  const mismatch = json(400, { errors: ["check-and-set parameter did not match the current version"] });
  const lost = () => Promise.reject(new TypeError("connection reset"));
  const holding = (value: string) => json(200, { data: { data: { value }, metadata: { version: 4 } } });

  test("is known again by its text when it had taken effect", async () => {
    const { connection, requests } = connectToAnswers(lost, mismatch, holding('{"n":1}'));
    const flaky = createSecretStore(
      createVaultHttp({ ...connection, session: createStaticSession(createSecret("t")) }),
    );
    expect(await flaky.write(place, { n: 1 }, 3)).toBe(4);
    expect(requests.at(-1)?.url).toMatch(/\?version=4$/);
  });

  test("is a mismatch when another write came between", async () => {
    const { connection } = connectToAnswers(lost, mismatch, holding('{"n":2}'));
    const flaky = createSecretStore(
      createVaultHttp({ ...connection, session: createStaticSession(createSecret("t")) }),
    );
    expect(await flaky.write(place, { n: 1 }, 3)).toBeNull();
  });

  test("is not looked for when no try was lost", async () => {
    const { connection, requests } = connectToAnswers(mismatch);
    const steady = createSecretStore(
      createVaultHttp({ ...connection, session: createStaticSession(createSecret("t")) }),
    );
    expect(await steady.write(place, { n: 1 }, 3)).toBeNull();
    expect(requests).toHaveLength(1);
  });
});
