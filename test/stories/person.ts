import { randomBytes } from "node:crypto";
import { approveConsent, type ConsentOptions } from "../support/consent.ts";
import type { Stack } from "../support/stack.ts";
import { noteSecrets } from "./seen-secrets.ts";

/** Somebody who is signed in. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly session: string;
  readonly workspaceId: string;
  /** Calls the Worker with this person's session. */
  call(method: string, path: string, body?: unknown): Promise<Reply>;
}

export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what API.md promises, and fails when it is not there.
  readonly body: any;
}

/** One call a provider received, as the sandbox tells it. */
export interface ProviderCall {
  readonly endpoint: string;
  readonly grant_type?: string;
  /** Null while it is unanswered. */
  readonly status: number | null;
}

const REQUEST_TIMEOUT_MS = 60_000;

/** Calls a server. Whatever is secret in the call and its answer is noted, to be looked for where it must not be. */
export async function send(
  url: string,
  method: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: "manual",
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const reply = { status: response.status, body: isJson && text !== "" ? JSON.parse(text) : text };
  noteSecrets([url, response.headers.get("location"), body, reply.body]);
  return reply;
}

/** Registers somebody with a workspace of their own, and signs them in. */
export async function register(stack: Stack): Promise<Person> {
  const email = `person-${randomBytes(6).toString("hex")}@example.com`;
  const password = randomBytes(15).toString("base64url");
  const made = await send(`${stack.url}/api/auth/register`, "POST", { email, password });
  if (made.status !== 201) throw new Error(`register answered ${made.status} ${JSON.stringify(made.body)}`);
  return await login(stack, email, password);
}

export async function login(stack: Stack, email: string, password: string): Promise<Person> {
  const { status, body } = await send(`${stack.url}/api/auth/login`, "POST", { email, password });
  if (status !== 200) throw new Error(`login answered ${status} ${JSON.stringify(body)}`);
  const session: string = body.access_token;
  const headers = { authorization: `Bearer ${session}` };
  const call: Person["call"] = (method, path, sent) => send(`${stack.url}${path}`, method, sent, headers);
  return { id: body.id, email, password, session, workspaceId: body.workspace_id, call };
}

/**
 * Connects an account of a consent provider as a person at a browser does.
 *
 * @param email The account; the one the consent page proposes when left out.
 * @returns The connection's id.
 */
export async function connect(stack: Stack, person: Person, provider: string, email?: string): Promise<string> {
  const start = await person.call("POST", `/api/v1/providers/${provider}/authorize`, { return_to: "/" });
  if (start.status !== 200) throw new Error(`authorize answered ${start.status} ${JSON.stringify(start.body)}`);
  const end = await consent(stack, start.body.login_url, person.session, email === undefined ? {} : { email });
  const connection = end.searchParams.get("connection");
  if (end.searchParams.get("login") !== `${provider}_success` || connection === null) {
    throw new Error(`the consent ended at ${end.pathname}${end.search}`);
  }
  return connection;
}

/**
 * Opens a consent link in a browser, decides at the provider and comes back.
 *
 * @param session The browser's; null when it is signed in nowhere.
 * @returns Where it ends, with `login=…` in the query.
 */
export async function consent(
  stack: Stack,
  link: string,
  session: string | null,
  choice: Pick<ConsentOptions, "email" | "decision"> = {},
): Promise<URL> {
  const cookies = new Map<string, string>(session === null ? [] : [["access_token", session]]);
  const { finalLocation } = await approveConsent(link, { cookies, ...choice });
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const callback = await fetch(finalLocation, { headers: { cookie }, redirect: "manual" });
  const end = new URL(callback.headers.get("location") ?? `/?login=none_${callback.status}`, stack.url);
  noteSecrets([finalLocation, end.href, [...cookies.values()].map((value) => ({ cookie: value }))]);
  return end;
}

export async function readToken(person: Person, connection: string): Promise<Reply> {
  return await person.call("GET", `/api/v1/connections/${connection}/token`);
}

/** Steers a stand-in: `steer(stack.endpoints().sandbox, "/_tokens", {…})`. */
export async function steer(address: string, control: string, body: unknown): Promise<void> {
  const reply = await send(`${address}${control}`, "POST", body);
  if (reply.status >= 300) throw new Error(`${control} answered ${reply.status} ${JSON.stringify(reply.body)}`);
}

/** The calls a provider received since it started or was reset, oldest first. */
export async function readCalls(sandbox: string, provider: string): Promise<readonly ProviderCall[]> {
  return (await send(`${sandbox}/_calls?provider=${provider}`, "GET")).body.calls;
}

/** How often the provider was asked to refresh since it started or was reset. */
export async function countRefreshes(stack: Stack, provider: string): Promise<number> {
  const calls = await readCalls(stack.endpoints().sandbox, provider);
  return calls.filter((call) => call.grant_type === "refresh_token").length;
}
