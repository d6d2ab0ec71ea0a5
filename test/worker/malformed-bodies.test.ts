import { beforeAll, describe, expect, test } from "vitest";
import { fill, schemaOf, WITH_BODY } from "../support/described-routes.ts";
import { expectRefusal } from "../support/refusals.ts";
import { bearer, newKey, newPerson, send } from "../support/worker-client.ts";

describe("a body that is no well-formed JSON object is refused by", () => {
  const callers = new Map<string, readonly Record<string, string>[]>();

  beforeAll(async () => {
    const maker = await newPerson();
    const admin = await newPerson();
    await Promise.all(
      WITH_BODY.map(async ({ name, operation }) => {
        const access = operation?.["x-access"];
        if (access === "open") return callers.set(name, [{}]);
        if (access === "session" || access === "users:manage") return callers.set(name, [bearer(admin.token)]);
        // Two keys each: some routes allow five calls a minute.
        const keys = [await newKey(maker, ["connections:write", "tokens:read", "audit:read"])];
        keys.push(await newKey(maker, ["connections:write", "tokens:read", "audit:read"]));
        return callers.set(
          name,
          keys.map(({ secret }) => ({ "x-api-key": secret })),
        );
      }),
    );
  });

  const json = "application/json";
  const WRONG: readonly (readonly [string | null, BodyInit])[] = [
    [json, '{"email":'],
    [json, "[]"],
    [json, "null"],
    [json, new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ["text/plain", "{}"],
    ["application/json; charset=utf-16", "{}"],
    [null, new TextEncoder().encode("{}")],
  ];

  test.each(WITH_BODY)("$name", async ({ name, method, path }) => {
    const principals = callers.get(name) ?? [];
    for (const [index, [type, raw]] of WRONG.entries()) {
      const headers = { ...principals[index % principals.length], ...(type !== null && { "content-type": type }) };
      expectRefusal(await send(method, fill(path), { headers, raw }), 400, "invalid_request");
    }
  });

  test.each(WITH_BODY.filter((route) => schemaOf(route).additionalProperties === false))(
    "$name, as a field nobody knows is",
    async ({ name, method, path }) => {
      const body = JSON.parse('{"surprise": 1, "__proto__": {"role": "admin"}}');
      const reply = await send(method, fill(path), { headers: callers.get(name)?.[0] ?? {}, body });
      expectRefusal(reply, 400, "invalid_request");
      expect(JSON.stringify(reply.body.details)).toMatch(/surprise/);
    },
  );

  test("the routes of auth and users know no other fields than those described", () => {
    const lax = WITH_BODY.filter(({ path }) => /^\/api\/(?:auth|v1\/(?:auth|users)|kubectl)/.test(path));
    expect(lax.length).toBeGreaterThan(6);
    expect(lax.filter((route) => schemaOf(route).additionalProperties !== false)).toEqual([]);
  });
});
