import { describe, expect, test } from "vitest";
import type { VaultCall } from "../../../src/adapters/vault/exchange.ts";
import { createStaticSession, type VaultSessionPort } from "../../../src/adapters/vault/session.ts";
import { createVaultHttp } from "../../../src/adapters/vault/vault-http.ts";
import { AppError } from "../../../src/domain/errors.ts";
import { createSecret } from "../../../src/domain/secret.ts";
import { connectToAnswers, json, type PlannedAnswer } from "./vault-support.ts";

const CALL: VaultCall = { method: "GET", path: "/v1/aurora/data/users/x" };
const ok = json(200, { data: {} });
const unreachable = () => Promise.reject(new TypeError("connect ECONNREFUSED vault.test:8200"));
const unavailable = { code: "vault_unavailable" };

function open(
  answers: readonly PlannedAnswer[],
  session: VaultSessionPort = createStaticSession(createSecret("hvs.one")),
) {
  const fake = connectToAnswers(...answers);
  return { ...fake, http: createVaultHttp({ ...fake.connection, session }) };
}

describe("what is sent", () => {
  test("the token, the namespace and the request header go along, and no redirect is followed", async () => {
    const { connection, requests } = connectToAnswers(ok);
    const session = createStaticSession(createSecret("hvs.one"));
    await createVaultHttp({ ...connection, address: "https://v.test/", namespace: "team/a", session }).send(CALL);
    const [request] = requests;
    expect(request?.url).toBe("https://v.test/v1/aurora/data/users/x");
    expect(request?.redirect).toBe("manual");
    expect(Object.fromEntries(request?.headers ?? [])).toMatchObject({
      "x-vault-token": "hvs.one",
      "x-vault-namespace": "team/a",
      "x-vault-request": "true",
    });
  });

  test("without a namespace there is no such header", async () => {
    const { http, requests } = open([ok]);
    await http.send(CALL);
    expect(requests[0]?.headers.has("x-vault-namespace")).toBe(false);
  });
});

describe("a store that cannot answer now", () => {
  test.each([412, 429, 472, 473, 500, 502, 503, 504])("status %i is tried again until it answers", async (status) => {
    const { http, requests } = open([json(status, { errors: ["Vault is sealed"] }), unreachable, ok]);
    expect(await http.send(CALL)).toMatchObject({ status: 200, repeated: true });
    expect(requests).toHaveLength(3);
  });

  test.each([
    ["refuses connections", unreachable],
    ["is sealed", json(503, { errors: ["Vault is sealed"] })],
    ["redirects to its leader", () => new Response(null, { status: 307, headers: { location: "https://evil.test/" } })],
    ["answers a web page", () => new Response("<html>", { status: 200, headers: { "content-type": "text/html" } })],
    ["answers a web page as 404", () => new Response("<html>", { status: 404 })],
    ["answers a web page as 403", () => new Response("<html>", { status: 403 })],
    ["answers too much", () => new Response(`{"data":"${"x".repeat(1_100_000)}"}`)],
    ["answers half an object", () => new Response('{"data":')],
    ["answers a list", () => new Response("[]")],
  ])("that %s is unavailable within two seconds", async (_, answer) => {
    const { http, connection, requests } = open([answer]);
    const startedAt = connection.now();
    await expect(http.send(CALL)).rejects.toMatchObject(unavailable);
    expect(connection.now() - startedAt).toBeLessThanOrEqual(2000);
    expect(requests.length).toBeGreaterThan(3);
    expect(requests.every(({ url }) => url.startsWith("https://vault.test:8200/"))).toBe(true);
  });

  test("waits grow, up to a limit, and chance spreads them", async () => {
    const { http, sleeps } = open([unreachable]);
    await http.send(CALL).catch(() => null);
    expect(sleeps).toEqual([50, 100, 200, 400, 400, 400]);
  });

  test("that hangs, whatever it makes of the signal, is given up within two seconds", async () => {
    const { connection } = connectToAnswers(ok);
    const hanging = () => new Promise<Response>(() => undefined);
    const http = createVaultHttp({
      ...connection,
      fetch: hanging,
      now: Date.now,
      session: createStaticSession(createSecret("hvs.one")),
    });
    const startedAt = Date.now();
    await expect(http.send(CALL)).rejects.toMatchObject(unavailable);
    expect(Date.now() - startedAt).toBeLessThan(2500);
  });

  test("nothing of the request or the reason is in the error", async () => {
    const { http } = open([unreachable]);
    const call: VaultCall = { method: "POST", path: "/v1/aurora/data/users/x", body: { data: { value: "s3cret" } } };
    const error = await http.send(call).catch((thrown: unknown) => thrown);
    expect(`${error} ${JSON.stringify(error)} ${String((error as Error).cause)}`).not.toMatch(
      /hvs|s3cret|users|ECONNREFUSED|vault\.test/,
    );
  });
});

describe("an answer about the call itself", () => {
  test.each([400, 404, 405])("status %i is handed back at once", async (status) => {
    const { http, requests } = open([json(status, { errors: [] })]);
    expect(await http.send(CALL)).toEqual({ status, body: { errors: [] }, repeated: false });
    expect(requests).toHaveLength(1);
  });

  test("204 is an empty answer", async () => {
    const { http } = open([() => new Response(null, { status: 204 })]);
    expect(await http.send(CALL)).toEqual({ status: 204, body: {}, repeated: false });
  });
});

describe("a refused token", () => {
  const denied = json(403, { errors: ["permission denied"] });

  function createSession(replacement: () => Promise<string>) {
    const refused: string[] = [];
    const session: VaultSessionPort = {
      token: async () => "hvs.one",
      refused: (token) => {
        refused.push(token);
        return replacement();
      },
    };
    return { session, refused };
  }

  test("is replaced once and the call sent again", async () => {
    const { session, refused } = createSession(async () => "hvs.two");
    const { http, requests } = open([denied, ok], session);
    expect(await http.send(CALL)).toMatchObject({ status: 200, repeated: false });
    expect(requests.map(({ headers }) => headers.get("x-vault-token"))).toEqual(["hvs.one", "hvs.two"]);
    expect(refused).toEqual(["hvs.one"]);
  });

  test("is unavailable when its replacement is refused too", async () => {
    const { session, refused } = createSession(async () => "hvs.two");
    const { http, requests } = open([denied], session);
    await expect(http.send(CALL)).rejects.toMatchObject(unavailable);
    expect(requests).toHaveLength(2);
    expect(refused).toHaveLength(1);
  });

  test("is unavailable when no replacement can be had", async () => {
    const { session } = createSession(() => Promise.reject(new AppError("vault_unavailable", "no login")));
    const { http, requests } = open([denied], session);
    await expect(http.send(CALL)).rejects.toMatchObject(unavailable);
    expect(requests).toHaveLength(1);
  });

  test("has no replacement when it is the only one we were given", async () => {
    const { http, requests } = open([denied]);
    await expect(http.send(CALL)).rejects.toMatchObject({ ...unavailable, message: /refused our token/ });
    expect(requests).toHaveLength(1);
  });
});
