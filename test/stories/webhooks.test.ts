import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";
import { connect, type Person, register, steer } from "./person.ts";

const PROVIDER = "demo";
const SOON = { timeout: 60_000, interval: 200 };

/** A request as the receiver got it. */
interface Arrival {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly type: string;
  readonly resource: string;
  readonly status: number;
}

let stack: Stack;
let server: Server;
let ada: Person;
let webhook: { readonly id: string; readonly secret: string };
/** What the receiver answers. */
let answer = 204;
const arrivals: Arrival[] = [];

beforeAll(async () => {
  stack = await startStack({
    env: { WEBHOOK_ALLOW_LOOPBACK: "true", RATE_LIMITS: JSON.stringify({ connect: 1000 }) },
  });
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      const { type, data } = JSON.parse(text);
      const id = String(request.headers["webhook-id"]);
      arrivals.push({ id, headers: request.headers, text, type, resource: data.resource.id, status: answer });
      response.writeHead(answer).end("the receiver's own words");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ada = await register(stack);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/aurora`;
  const made = await ada.call("POST", "/api/v1/webhooks", { url, events: ["connection.*", "apikey.*"] });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  webhook = made.body;
});

afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await stack?.stop();
});

/** What was accepted, in the order it came. */
const accepted = () => arrivals.filter(({ status }) => status < 300).map(({ type }) => type);
const expectAccepted = (types: readonly string[]) => expect.poll(accepted, SOON).toEqual(types);
const refresh = (connection: string) => ada.call("POST", `/api/v1/connections/${connection}/refresh`, { force: true });
const fault = (more: object) =>
  steer(stack.endpoints().sandbox, "/_faults", { provider: PROVIDER, endpoint: "token", ...more });
const isSigned = ({ id, headers, text }: Arrival) => {
  const key = Buffer.from(webhook.secret.slice("whsec_".length), "base64");
  const signed = createHmac("sha256", key).update(`${id}.${headers["webhook-timestamp"]}.${text}`).digest("base64");
  return headers["webhook-signature"] === `v1,${signed}`;
};

test("a receiver is told of each transition once, whatever fails in between", async () => {
  const told: string[] = [];
  const connection = await connect(stack, ada, PROVIDER);

  // The provider is away for a while: however often it is asked, the connection begins to fail once.
  await fault({ kind: "status", status: 503, seconds: 300 });
  for (let count = 0; count < 3; count += 1) await refresh(connection);
  await expectAccepted(told.concat("connection.refresh_failed"));
  await steer(stack.endpoints().sandbox, "/_reset", {});
  told.push("connection.refresh_failed", "connection.recovered");
  await expectAccepted(told);

  // Its answer is lost, so that the old token is used a second time and the whole grant ends.
  await fault({ kind: "reset_after_commit", times: 1 });
  await refresh(connection);
  await expect.poll(async () => (await refresh(connection)).status, SOON).toBe(409);
  expect((await refresh(connection)).status).toBe(409);
  told.push("connection.refresh_failed", "connection.reauth_required");
  await expectAccepted(told);

  // The receiver fails, and the Worker is killed before it could be told again.
  answer = 500;
  const key = (await ada.call("POST", "/api/v1/auth/api-keys", { service_name: "story" })).body;
  await expect.poll(() => arrivals.at(-1)?.resource, SOON).toBe(key.id);
  await stack.kill();
  answer = 204;
  await stack.restart();
  told.push("apikey.created");
  await expectAccepted(told);

  expect(await connect(stack, ada, PROVIDER)).toBe(connection);
  told.push("connection.recovered");
  await expectAccepted(told);
  expect((await ada.call("DELETE", `/api/v1/connections/${connection}`)).status).toBe(204);
  expect((await ada.call("DELETE", `/api/v1/auth/api-keys/${key.id}`)).status).toBe(204);
  told.push("connection.disconnected", "apikey.revoked");
  await expectAccepted(told);

  expect(arrivals.filter((arrival) => !isSigned(arrival))).toEqual([]);
  const ids = new Set(arrivals.map(({ id }) => id));
  expect(ids.size).toBe(told.length);
  const { deliveries } = (await ada.call("GET", `/api/v1/webhooks/${webhook.id}/deliveries`)).body;
  expect(deliveries.map(({ id }: { id: string }) => id).reverse()).toEqual([...ids]);
  expect(new Set(deliveries.map(({ status }: { status: string }) => status))).toEqual(new Set(["delivered"]));
  const texts = arrivals.map(({ text }) => text).join();
  for (const secret of [ada.email, ada.session, key.api_key, webhook.secret, "vault:", "demo_at_", "demo_rt_"]) {
    expect(texts).not.toContain(secret);
  }
});
