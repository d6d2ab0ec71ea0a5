import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres, type RealPostgres, startRealPostgres } from "../support/real-postgres.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { connect, countRefreshes, readToken, register } from "./person.ts";
import { playRetention } from "./retention-story.ts";

describe.skipIf(findPostgres() === null)("on a real PostgreSQL server", () => {
  let postgres: RealPostgres | null = null;
  let stack: Stack;

  beforeAll(async () => {
    postgres = await startRealPostgres();
    const adminUrl = postgres?.adminUrl ?? "";
    const appUrl = new URL(adminUrl);
    appUrl.username = "aurora_app";
    appUrl.password = randomBytes(16).toString("hex");
    const env = { DATABASE_URL: appUrl.href, DATABASE_ADMIN_URL: adminUrl, WEBHOOK_ALLOW_LOOPBACK: "true" };
    stack = await startStack({ env, args: ["--migrate"] });
  });

  afterAll(async () => {
    await stack?.stop();
    await postgres?.stop();
  });

  test("somebody registers, connects Google Cloud, gets a token and a fresh one, and disconnects", async () => {
    const person = await register(stack);
    const connection = await connect(stack, person, "gcp");
    const first = await readToken(person, connection);
    expect(first).toMatchObject({ status: 200, body: { provider: "gcp", version: 1 } });
    const path = `/api/v1/connections/${connection}`;
    const forced = await person.call("POST", `${path}/refresh`, { force: true });
    expect(forced.body).toMatchObject({ refreshed: true, version: 2 });
    expect(forced.body.token_data.access_token).not.toBe(first.body.token_data.access_token);
    const read = await readToken(person, connection);
    expect(read.body).toMatchObject({ version: 2, token_data: { access_token: forced.body.token_data.access_token } });
    expect(await countRefreshes(stack, "gcp")).toBe(1);
    expect((await person.call("DELETE", path)).status).toBe(204);
    expect((await readToken(person, connection)).status).toBe(404);
  });

  test("nobody sees another workspace's connection", async () => {
    const [owner, stranger] = [await register(stack), await register(stack)];
    const connection = await connect(stack, owner, "gcp");
    expect((await readToken(stranger, connection)).status).toBe(404);
    expect((await stranger.call("GET", `/api/v1/connections/${connection}`)).status).toBe(404);
    expect((await stranger.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
  });

  test("what ended a month ago is shown to the operator, purged once, and told", async () => {
    const client = new pg.Client({ connectionString: postgres?.adminUrl ?? "" });
    await client.connect();
    await playRetention(stack, (text) => client.query(text));
    await client.end();
  });

  test("no demo user is made in a database that is not ours", () => {
    expect(stack.output()).not.toContain("demo@aurora.local");
  });
});
