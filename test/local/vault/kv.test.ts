import { expect, test } from "vitest";
import { openVault } from "./server-support.ts";

const DATA = "/v1/aurora/data/users/x";
const METADATA = "/v1/aurora/metadata/users/x";

test("a write answers its version in Vault's envelope, and a read what was written", async () => {
  const { call } = await openVault();
  const written = await call("POST", DATA, { data: { value: "{}" }, options: { cas: 0 } });
  expect(written).toEqual({
    status: 200,
    body: {
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      lease_id: "",
      renewable: false,
      lease_duration: 0,
      data: {
        version: 1,
        created_time: expect.stringMatching(/Z$/),
        deletion_time: "",
        destroyed: false,
        custom_metadata: null,
      },
      wrap_info: null,
      warnings: null,
      auth: null,
    },
  });
  const read = await call("GET", DATA);
  expect(read.body.data).toEqual({ data: { value: "{}" }, metadata: written.body.data });
});

test("PUT writes as POST does", async () => {
  const { call } = await openVault();
  expect((await call("PUT", DATA, { data: {} })).body.data.version).toBe(1);
});

test.each([
  ["that is behind", { cas: 0 }, "check-and-set parameter did not match the current version"],
  ["that is ahead", { cas: 2 }, "check-and-set parameter did not match the current version"],
  ["that is no number", { cas: "x" }, "error parsing check-and-set parameter"],
])("a write with a version %s is refused and changes nothing", async (_, options, error) => {
  const { call } = await openVault();
  await call("POST", DATA, { data: { n: 1 } });
  expect(await call("POST", DATA, { data: { n: 2 }, options })).toEqual({ status: 400, body: { errors: [error] } });
  expect((await call("GET", DATA)).body.data.data).toEqual({ n: 1 });
});

test("a secret or a mount can require the version to be named", async () => {
  const { call } = await openVault();
  const required = { status: 400, body: { errors: ["check-and-set parameter required for this call"] } };
  await call("POST", METADATA, { cas_required: true });
  expect(await call("POST", DATA, { data: {} })).toEqual(required);
  await call("POST", "/v1/aurora/config", { cas_required: true });
  expect(await call("POST", "/v1/aurora/data/users/y", { data: {} })).toEqual(required);
  expect((await call("GET", "/v1/aurora/config")).body.data).toMatchObject({ cas_required: true, max_versions: 0 });
});

test("a write without data is refused", async () => {
  const { call } = await openVault();
  expect(await call("POST", DATA, { value: 1 })).toEqual({ status: 400, body: { errors: ["no data provided"] } });
});

test("ten versions are kept unless the secret says otherwise", async () => {
  const { call } = await openVault();
  for (let n = 1; n <= 11; n++) await call("POST", DATA, { data: { n } });
  expect((await call("GET", `${DATA}?version=1`)).status).toBe(404);
  expect((await call("GET", `${DATA}?version=2`)).body.data.data).toEqual({ n: 2 });
  await call("POST", METADATA, { max_versions: 2 });
  await call("POST", "/v1/aurora/data/users/y", { data: {} });
  const { oldest_version, current_version } = (await call("GET", METADATA)).body.data;
  expect({ oldest_version, current_version }).toEqual({ oldest_version: 2, current_version: 11 });
});

test("a deleted newest version is 404 with its metadata, and can be brought back", async () => {
  const { call } = await openVault();
  await call("POST", DATA, { data: { n: 1 } });
  expect((await call("DELETE", DATA)).status).toBe(204);
  const deleted = await call("GET", DATA);
  expect(deleted.status).toBe(404);
  expect(deleted.body.data).toMatchObject({ data: null, metadata: { version: 1, destroyed: false } });
  expect(deleted.body.data.metadata.deletion_time).not.toBe("");
  expect((await call("PUT", "/v1/aurora/undelete/users/x", { versions: [1] })).status).toBe(204);
  expect((await call("GET", DATA)).body.data.data).toEqual({ n: 1 });
});

test("single versions are deleted by number, the others stay", async () => {
  const { call } = await openVault();
  for (let n = 1; n <= 3; n++) await call("POST", DATA, { data: { n } });
  await call("POST", "/v1/aurora/delete/users/x", { versions: [1, 2, 9] });
  expect((await call("GET", `${DATA}?version=1`)).status).toBe(404);
  expect((await call("GET", DATA)).body.data.data).toEqual({ n: 3 });
  expect((await call("POST", "/v1/aurora/delete/users/x", {})).status).toBe(400);
});

test("a destroyed version does not come back", async () => {
  const { call } = await openVault();
  await call("POST", DATA, { data: { n: 1 } });
  await call("PUT", "/v1/aurora/destroy/users/x", { versions: [1] });
  await call("PUT", "/v1/aurora/undelete/users/x", { versions: [1] });
  const read = await call("GET", DATA);
  expect(read.status).toBe(404);
  expect(read.body.data).toMatchObject({ data: null, metadata: { destroyed: true } });
});

test("metadata tells versions and labels, and deleting it forgets the secret", async () => {
  const { call } = await openVault();
  await call("POST", DATA, { data: { n: 1 } });
  await call("POST", METADATA, { custom_metadata: { connection: "c" }, delete_version_after: "1h30m" });
  expect((await call("GET", METADATA)).body.data).toMatchObject({
    versions: { 1: { deletion_time: "", destroyed: false } },
    current_version: 1,
    custom_metadata: { connection: "c" },
    delete_version_after: "1h30m0s",
  });
  expect((await call("GET", DATA)).body.data.metadata.custom_metadata).toEqual({ connection: "c" });
  expect((await call("DELETE", METADATA)).status).toBe(204);
  expect(await call("GET", METADATA)).toEqual({ status: 404, body: { errors: [] } });
  expect((await call("DELETE", METADATA)).status).toBe(204);
  expect((await call("POST", DATA, { data: {}, options: { cas: 0 } })).body.data.version).toBe(1);
});

test("a version with a time to live is gone after it", async () => {
  const { call } = await openVault();
  await call("POST", METADATA, { delete_version_after: "1s" });
  const { deletion_time } = (await call("POST", DATA, { data: {} })).body.data;
  expect(Date.parse(deletion_time) - Date.now()).toBeLessThanOrEqual(1000);
  expect((await call("GET", DATA)).status).toBe(200);
});

test("labels longer than Vault allows are refused", async () => {
  const { call } = await openVault();
  expect((await call("POST", METADATA, { custom_metadata: { k: "v".repeat(513) } })).status).toBe(400);
  expect((await call("POST", METADATA, { custom_metadata: { k: {} } })).status).toBe(400);
  expect((await call("GET", METADATA)).status).toBe(404);
});

test.each([
  "LIST /v1/aurora/metadata/users",
  "LIST /v1/aurora/metadata/users/",
  "GET /v1/aurora/metadata/users?list=true",
])("%s answers the names below", async (line) => {
  const { call } = await openVault();
  for (const name of ["b", "a", "deep/one", "deep/two"])
    await call("POST", `/v1/aurora/data/users/${name}`, { data: {} });
  const [method = "", path = ""] = line.split(" ");
  expect((await call(method, path)).body.data).toEqual({ keys: ["a", "b", "deep/"] });
  expect(await call("GET", "/v1/aurora/metadata/nobody?list=true")).toEqual({ status: 404, body: { errors: [] } });
});

test("a path that holds nothing is 404 without words, a mount that is not there 404 with", async () => {
  const { call } = await openVault();
  expect(await call("GET", DATA)).toEqual({ status: 404, body: { errors: [] } });
  const { status, body } = await call("GET", "/v1/elsewhere/data/x");
  expect({ status, words: body.errors.length }).toEqual({ status: 404, words: 1 });
});

test.each([
  "/v1/aurora/data/users/%2e%2e/x",
  "/v1/aurora/data/%2E/x",
  "/v1/aurora/data/users/%2e%2e%2fx",
  "/v1/aurora/data//x",
  "/v1/aurora/data/users/%zz",
])("%s is refused, since it would be another path", async (path) => {
  const { vault } = await openVault();
  // Through a socket's own words: fetch would resolve the dots before sending.
  const { request } = await import("node:http");
  const status = await new Promise((resolve, reject) => {
    const sent = request(`${vault.address}`, { path, headers: { "x-vault-token": vault.rootToken } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on("error", reject).end();
  });
  expect(status).toBe(400);
});

test("a body that is not JSON is 400, an unsupported method 405", async () => {
  const { call } = await openVault();
  expect((await call("POST", DATA, "{not json")).status).toBe(400);
  expect((await call("POST", DATA, "[]")).status).toBe(400);
  expect((await call("DELETE", "/v1/aurora/undelete/users/x")).status).toBe(405);
});
