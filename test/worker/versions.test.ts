import { beforeAll, describe, expect, test } from "vitest";
import {
  connectGrafana,
  newColleague,
  newPerson,
  type Person,
  readAudit,
  readCredentials,
  requireStatus,
} from "../support/worker-client.ts";
import { endpoints } from "../support/worker-endpoints.ts";

const BASE = "https://demo.grafana.net";
const store = async (person: Person, token: string, account = "a") =>
  requireStatus(
    await person.call("POST", "/api/v1/tokens", {
      ...{ provider: "grafana", account, token_data: { base_url: BASE, service_account_token: token } },
    }),
    201,
  ).body.id;
const read = async (person: Person, id: string) =>
  requireStatus(await person.call("GET", `/api/v1/connections/${id}/token`), 200).body;
const rollBack = (person: Pick<Person, "call">, id: string, body: unknown) =>
  person.call("POST", `/api/v1/connections/${id}/rollback`, body);

/** A person may connect ten times a minute, so most tests bring their own. */
let admin: Person;
let kept: string;
beforeAll(async () => {
  admin = await newPerson();
  kept = await store(admin, "glsa_one");
});

describe("the versions of a key", () => {
  test("are listed by number and time, and one is brought back as a new one", async () => {
    const id = await store(admin, "glsa_one", "listed");
    await store(admin, "glsa_two", "listed");
    const path = `/api/v1/connections/${id}/versions`;
    const before = requireStatus(await admin.call("GET", path), 200);
    expect(before.body.versions).toEqual([
      { version: 1, created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) },
      { version: 2, created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) },
    ]);
    expect(before.text).not.toMatch(/glsa_/);
    expect((await read(admin, id)).token_data.service_account_token).toBe("glsa_two");

    const back = await rollBack(admin, id, { version: 1 });
    expect(back).toMatchObject({ status: 200, body: { id, status: "active", provider: "grafana" } });
    expect(back.text).not.toMatch(/glsa_/);
    // At once, whatever this isolate had cached.
    expect(await read(admin, id)).toMatchObject({ version: 3, token_data: { service_account_token: "glsa_one" } });
    expect((await admin.call("GET", path)).body.versions.map(({ version }: { version: number }) => version)).toEqual([
      ...[1, 2, 3],
    ]);
    expect(await readAudit(admin, "connection.rolled_back")).toEqual([
      expect.objectContaining({
        ...{ resource: { type: "connection", id, provider: "grafana" }, detail: { to: 1, version: 3 } },
      }),
    ]);
  });

  test("keep what is known of the connection", async () => {
    const { body } = await connectGrafana(admin, { shared: true });
    const { grafana } = await readCredentials();
    requireStatus(await admin.call("POST", "/api/v1/providers/grafana/connect", grafana), 200);
    const back = await rollBack(admin, body.id, { version: 1 });
    const { scopes, metadata, shared, account, created_at } = body;
    expect(back.body).toMatchObject({ scopes, metadata, shared, account, created_at });
  });

  test.each<[string, unknown, number, string]>([
    ["no version", {}, 400, "invalid_request"],
    ["version 0", { version: 0 }, 400, "invalid_request"],
    ["a version before the first", { version: -1 }, 400, "invalid_request"],
    ["half a version", { version: 1.5 }, 400, "invalid_request"],
    ["a version as text", { version: "1" }, 400, "invalid_request"],
    ["a field nobody knows", { version: 1, force: true }, 400, "invalid_request"],
    ["a version that never was", { version: 99 }, 404, "not_found"],
    ["a version beyond any number", { version: 2 ** 52 }, 404, "not_found"],
  ])("are not brought back with %s", async (_, body, status, code) => {
    const id = kept;
    expect(await rollBack(admin, id, body)).toMatchObject({ status, body: { code } });
  });

  test("that were destroyed are neither listed nor brought back", async () => {
    const person = await newPerson();
    const id = await store(person, "glsa_one");
    await store(person, "glsa_two");
    await destroyFirst(person);
    expect((await person.call("GET", `/api/v1/connections/${id}/versions`)).body.versions).toHaveLength(1);
    expect(await rollBack(person, id, { version: 1 })).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect((await read(person, id)).token_data.service_account_token).toBe("glsa_two");
  });

  test("that hold an address which may not be called are refused, whoever wrote them", async () => {
    const person = await newPerson();
    const id = await store(person, "glsa_one");
    for (const address of ["https://169.254.169.254/", "http://demo.grafana.net", "https://127.0.0.1:8787"]) {
      const version = await writeBehindOurBack(person, { base_url: address, service_account_token: "glsa_evil" });
      expect(await rollBack(person, id, { version })).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    }
    const version = await writeBehindOurBack(person, { something: "else" });
    expect((await rollBack(person, id, { version })).status).toBe(400);
  });
});

describe("the versions of somebody else's key", () => {
  test("belong to its owner and to admins", async () => {
    const operator = await newColleague(admin, "operator");
    const other = await newColleague(admin, "operator");
    const stranger = await newPerson();
    const id = await store(operator, "glsa_one");
    const path = `/api/v1/connections/${id}`;
    for (const person of [admin, other, stranger]) {
      expect((await person.call("GET", `${path}/versions`)).status).toBe(404);
      expect((await rollBack(person, id, { version: 1 })).status).toBe(404);
    }
    requireStatus(await operator.call("PATCH", path, { shared: true }), 200);
    expect(await rollBack(other, id, { version: 1 })).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect((await rollBack(stranger, id, { version: 1 })).status).toBe(404);
    expect((await rollBack(admin, id, { version: 1 })).status).toBe(200);
    expect((await rollBack(operator, id, { version: 1 })).status).toBe(200);
  });

  test("are nobody's after a disconnect, which no rollback undoes", async () => {
    const id = await store(admin, "glsa_one", "ended");
    expect((await admin.call("DELETE", `/api/v1/connections/${id}`)).status).toBe(204);
    expect((await rollBack(admin, id, { version: 1 })).status).toBe(404);
    expect((await admin.call("GET", `/api/v1/connections/${id}/versions`)).status).toBe(404);
    expect((await admin.call("GET", `/api/v1/connections/${id}/token`)).status).toBe(404);
  });
});

test("a credential that is refreshed has no versions to go back to", async () => {
  const token_data = { access_token: "t", refresh_token: "r", expires_at: Math.floor(Date.now() / 1000) + 3600 };
  const { body } = requireStatus(await admin.call("POST", "/api/v1/tokens", { provider: "gcp", token_data }), 201);
  for (const reply of [
    await admin.call("GET", `/api/v1/connections/${body.id}/versions`),
    await rollBack(admin, body.id, { version: 1 }),
  ]) {
    expect(reply).toMatchObject({ status: 409, body: { code: "conflict" } });
  }
});

/** The one secret of a person, in the embedded Vault, past the Worker. */
async function vault(person: Person, kind: "data" | "destroy", body: unknown) {
  const { vault: address, vaultToken } = endpoints;
  const path = `aurora/${kind}/users/aurora-test-${person.id}-grafana-token`;
  const response = await fetch(`${address}/v1/${path}`, {
    ...{ method: "POST", headers: { "x-vault-token": vaultToken, "content-type": "application/json" } },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`the vault answered ${response.status} ${await response.text()}`);
  return response.status === 204 ? null : response.json<{ data: { version: number } }>();
}

const destroyFirst = (person: Person) => vault(person, "destroy", { versions: [1] });

async function writeBehindOurBack(person: Person, secret: object): Promise<number> {
  const written = await vault(person, "data", { data: { value: JSON.stringify(secret) } });
  return written?.data.version ?? 0;
}
