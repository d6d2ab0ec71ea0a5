import { Hono } from "hono";
import { expect, test } from "vitest";
import type { AppEnv } from "../../src/middleware/app-env.ts";
import { plainUrl } from "../../src/middleware/plain-url.ts";
import { renderError } from "../../src/middleware/render-error.ts";
import { strictJson } from "../../src/middleware/strict-json.ts";

const app = new Hono<AppEnv>();
app.onError(renderError);
app.use(plainUrl, strictJson);
app.post("/", async (c) => c.json(await c.req.json()));
app.get("/", (c) => c.text(c.req.query("name") ?? ""));

function post(body: string | Uint8Array<ArrayBuffer>, type = "application/json") {
  return app.request("/", { method: "POST", body, headers: { "content-type": type } });
}

test("well-formed JSON reaches the route", async () => {
  const answer = await post('{"name": "Zoë 🌍"}');
  expect([answer.status, await answer.json()]).toEqual([200, { name: "Zoë 🌍" }]);
});

test.each([
  ["broken JSON", '{"name": '],
  ["a NUL in a value", '{"name": "x\\u0000"}'],
  ["a NUL in a name", '{"x\\u0000": 1}'],
  ["a NUL deep inside", '{"a": [{"b": ["\\u0000"]}]}'],
  ["half a character", '{"name": "\\ud800"}'],
  ["arrays thirty thousand deep", `${"[".repeat(30_000)}${"]".repeat(30_000)}`],
  ["bytes that are not UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
])("%s is 400", async (_, body) => {
  const answer = await post(body);
  expect([answer.status, (await answer.json()) as object]).toMatchObject([400, { code: "invalid_request" }]);
});

test("another content type is 400", async () => {
  expect((await post("{}", "text/plain")).status).toBe(400);
});

test("a NUL in the query is 400", async () => {
  expect((await app.request("/?name=%00")).status).toBe(400);
});
