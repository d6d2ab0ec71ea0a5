import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Bindings } from "../../src/bindings.ts";
import { createDeps } from "../../src/deps.ts";
import { bearer, newAddress, newColleague, newPerson, ORIGIN, type Person } from "../support/worker-client.ts";

const bindings = env as unknown as Bindings;

/** The Worker of a deployment whose operator is that workspace. */
function openDeployment(operator: Person) {
  const app = createApp();
  const context = { waitUntil: () => undefined };
  const withOperator = { ...bindings, OPERATOR_WORKSPACE_ID: operator.workspaceId };
  return async (person: Pick<Person, "token">, path: string) => {
    const request = new Request(`${ORIGIN}${path}`, {
      headers: { "cf-connecting-ip": newAddress(), ...bearer(person.token) },
    });
    const response = await app.fetch(request, { createDeps: () => createDeps(withOperator, context) });
    return { status: response.status, body: await response.json() };
  };
}

describe("events that belong to no workspace", () => {
  let operator: Person;
  let stranger: Person;
  let ask: ReturnType<typeof openDeployment>;

  beforeAll(async () => {
    operator = await newPerson();
    stranger = await newPerson();
    ask = openDeployment(operator);
  });

  test("need audit:read of the operator's own people too", async () => {
    const viewer = await newColleague(operator, "viewer");
    expect((await ask(viewer, "/api/v1/audit?chain=unauthenticated")).status).toBe(403);
  });

  test("are nobody's while no operator is named", async () => {
    expect((await operator.call("GET", "/api/v1/audit?chain=unauthenticated")).status).toBe(403);
  });

  test("are the only other chain there is", async () => {
    const path = `/api/v1/audit?chain=${stranger.workspaceId}`;
    expect(await ask(operator, path)).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  });
});
