import { exports } from "cloudflare:workers";
import { endpoints } from "./worker-endpoints.ts";

/** The Worker under test. Nothing generates a type for `exports` here. */
export const worker = (exports as unknown as { readonly default: Fetcher }).default;
/** The Worker's own address in tests, as its settings have it. */
export const ORIGIN = "http://127.0.0.1:8787";
export const PASSWORD = "correct horse battery";

export interface Call {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
  /** The caller's address; a new one each time when left out, so that no limit is met by accident. */
  readonly address?: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what API.md promises, and fails when it is not there.
  readonly body: any;
}

/** Somebody who is signed in. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly workspaceId: string;
  readonly token: string;
  readonly call: (method: string, path: string, body?: unknown) => Promise<Reply>;
}

/** An API key that was made for a test. */
export interface Key {
  readonly id: string;
  readonly secret: string;
  readonly call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;
}

/** Calls the real Worker, as its clients do. */
export async function send(method: string, path: string, call: Call = {}): Promise<Reply> {
  const { body, raw, headers = {}, address = newAddress() } = call;
  const given = body === undefined ? raw : JSON.stringify(body);
  const request = new Request(new URL(path, ORIGIN), {
    method,
    headers: {
      "cf-connecting-ip": address,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    redirect: "manual",
    ...(given !== undefined && { body: given }),
  });
  const response = await worker.fetch(request);
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, text, body: isJson && text ? JSON.parse(text) : null };
}

/** An address nobody else has. */
export function newAddress(): string {
  const [a, b, c] = crypto.getRandomValues(new Uint8Array(3));
  return `10.${a}.${b}.${c}`;
}

export function newEmail(): string {
  return `person-${crypto.randomUUID()}@example.com`;
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** A browser's own request from one of our pages. */
export function cookie(...tokens: readonly string[]): Record<string, string> {
  return { cookie: tokens.map((token) => `access_token=${token}`).join("; "), origin: ORIGIN };
}

/** Somebody with a workspace of their own. */
export async function newPerson(): Promise<Person> {
  const email = newEmail();
  requireStatus(await send("POST", "/api/auth/register", { body: { email, password: PASSWORD } }), 201);
  return logIn(email);
}

export async function logIn(email: string, password = PASSWORD): Promise<Person> {
  const { body } = requireStatus(await send("POST", "/api/auth/login", { body: { email, password } }), 200);
  const headers = bearer(body.access_token);
  const call: Person["call"] = (method, path, sent) => send(method, path, { body: sent, headers });
  return { id: body.id, email, workspaceId: body.workspace_id, token: body.access_token, call };
}

/** Somebody else in an admin's workspace. */
export async function newColleague(admin: Person, role: string): Promise<Person> {
  const email = newEmail();
  requireStatus(await admin.call("POST", "/api/v1/users", { email, role, password: PASSWORD }), 201);
  return logIn(email);
}

export async function newKey(admin: Person, permissions?: readonly string[]): Promise<Key> {
  const made = await admin.call("POST", "/api/v1/auth/api-keys", { service_name: "test", permissions });
  const { id, api_key } = requireStatus(made, 201).body;
  const call: Key["call"] = (method, path, body, headers = {}) =>
    send(method, path, { body, headers: { "x-api-key": api_key, ...headers } });
  return { id, secret: api_key, call };
}

/** Steers a stand-in: `steer("sandbox", "/_faults", {…})`. */
export async function steer(part: "postgres" | "vault" | "sandbox", control: string, body: unknown): Promise<void> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`${endpoints[part]}${control}`, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${control} answered ${response.status} ${text}`);
}

/** What `connect` accepts, by provider. */
export async function readCredentials(refused = false): Promise<Record<string, Record<string, string>>> {
  const response = await fetch(`${endpoints.sandbox}/_credentials${refused ? "?refused" : ""}`);
  return response.json();
}

/** Connects a Grafana: the cheapest connection there is. */
export async function connectGrafana(person: Pick<Person, "call">, more: object = {}): Promise<Reply> {
  const { grafana } = await readCredentials();
  return requireStatus(await person.call("POST", "/api/v1/providers/grafana/connect", { ...grafana, ...more }), 201);
}

/** All audit events of one action in the person's workspace. */
export async function readAudit(person: Person, action: string): Promise<readonly Record<string, unknown>[]> {
  const { body } = requireStatus(await person.call("GET", `/api/v1/audit?limit=200&action=${action}`), 200);
  return body.events;
}

export function requireStatus(reply: Reply, status: number): Reply {
  if (reply.status === status) return reply;
  throw new Error(`answered ${reply.status} instead of ${status}: ${reply.text.slice(0, 500)}`);
}
