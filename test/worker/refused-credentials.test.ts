import { describe, expect, test } from "vitest";
import { ROWS } from "../providers/rows.ts";
import { newPerson } from "../support/worker-client.ts";
import { endpoints, queryAsOwner } from "../support/worker-endpoints.ts";

/** A minute lets nobody connect more often. */
const MAX_CONNECTS = 10;

const listCredentials = async (kind: string): Promise<Record<string, Record<string, string>>> =>
  (await fetch(`${endpoints.sandbox}/_credentials?${kind}`)).json();

/** Rows of that owner, live or not, a name that is only reserved included. */
async function countRows(owner: string): Promise<number> {
  return (await queryAsOwner("select id from user_tokens where owner_id = $1", [owner])).length;
}

/** Secrets under that owner's name. */
async function countSecrets(owner: string): Promise<number> {
  const { vault, vaultToken } = endpoints;
  const headers = { "x-vault-token": vaultToken };
  const response = await fetch(`${vault}/v1/aurora/metadata/users?list=true`, { headers });
  if (response.status === 404) return 0;
  const { data } = await response.json<{ data: { keys: string[] } }>();
  return data.keys.filter((name) => name.includes(owner)).length;
}

const GIVEN = ROWS.filter(({ wrong }) => Object.keys(wrong).length > 0);

describe.each(GIVEN.map((row) => [row.by === undefined ? row.id : `${row.id} by ${row.by}`, row] as const))(
  "%s",
  (_name, row) => {
    test("stores nothing of credentials that are wrong, powerless or malformed", async () => {
      const person = await newPerson();
      const good = (await listCredentials(row.by === undefined ? "" : "keys"))[row.id] ?? {};
      const connect = (body: object) => person.call("POST", `/api/v1/providers/${row.id}/connect`, body);
      const wrong = Object.values(row.wrong).map((change) => (typeof change === "function" ? change(good) : change));
      const [malformed] = Object.values(row.malformed);
      expect(wrong.length).toBeLessThan(MAX_CONNECTS - 2);
      for (const change of wrong) {
        expect(await connect({ ...good, ...change })).toMatchObject({
          status: 502,
          body: { code: "provider_rejected", error: expect.stringMatching(/^[A-Z].*\.$/) },
        });
      }
      const powerless = (await listCredentials("refused"))[row.id] ?? {};
      expect(await connect(powerless)).toMatchObject({ status: 502, body: { code: "provider_rejected" } });
      expect(await connect({ ...good, ...malformed })).toMatchObject({
        status: 400,
        body: { code: "invalid_request", details: expect.any(Array) },
      });
      expect((await person.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
      expect([await countRows(person.id), await countSecrets(person.id)]).toEqual([0, 0]);
    });
  },
);

test("what is stored is seen by the two counts", async () => {
  const person = await newPerson();
  const { grafana } = await listCredentials("");
  expect((await person.call("POST", "/api/v1/providers/grafana/connect", grafana)).status).toBe(201);
  expect([await countRows(person.id), await countSecrets(person.id)]).toEqual([1, 1]);
});
