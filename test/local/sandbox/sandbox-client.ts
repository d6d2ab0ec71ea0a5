import { createHash, randomBytes } from "node:crypto";
import { type Sandbox, startSandbox } from "../../../local/sandbox/server.ts";
import { approveConsent, type ConsentOptions } from "../../support/consent.ts";

export const CALLBACK = "http://127.0.0.1:8787/callback";
export const CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform";

export function startTestSandbox(dataDir: string | null = null, port = 0): Promise<Sandbox> {
  return startSandbox({ port, dataDir, redirectUris: [CALLBACK] });
}

export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

/** The application's side of a code flow, for `gcp` or `demo`. */
export interface TestClient {
  readonly authorizeUrl: (changes?: Record<string, string | null>) => string;
  readonly connect: (options?: ConsentOptions, changes?: Record<string, string | null>) => Promise<Answered>;
  readonly exchangeCode: (code: string, changes?: Record<string, string>) => Promise<Answered>;
  readonly refresh: (refreshToken: unknown) => Promise<Answered>;
  readonly revoke: (token: unknown) => Promise<Answered>;
  readonly api: (token: unknown) => Promise<Answered>;
}

const VERIFIER = randomBytes(32).toString("base64url");
const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");

export function createGcpClient({ origins, settings }: Sandbox): TestClient {
  const client = { client_id: settings["GCP_CLIENT_ID"] ?? "", client_secret: settings["GCP_CLIENT_SECRET"] ?? "" };
  const token = `${origins["https://oauth2.googleapis.com"]}/token`;
  return createClient({
    authorization: `${origins["https://accounts.google.com"]}/o/oauth2/v2/auth`,
    query: {
      client_id: client.client_id,
      scope: `openid email ${CLOUD_SCOPE}`,
      access_type: "offline",
      prompt: "consent",
    },
    token: (form) => postForm(token, { ...client, ...form }),
    revoke: (value) => postForm(`${origins["https://oauth2.googleapis.com"]}/revoke`, { token: value }),
    api: `${origins["https://openidconnect.googleapis.com"]}/v1/userinfo`,
  });
}

export function createDemoClient({ origins, settings }: Sandbox): TestClient {
  const [entry] = JSON.parse(settings["CUSTOM_PROVIDERS"] ?? "[]");
  const origin = `${origins["https://demo-idp.example"]}`;
  const basic = Buffer.from(`${entry.client_id}:${entry.client_secret}`).toString("base64");
  const headers = { authorization: `Basic ${basic}` };
  return createClient({
    authorization: `${origin}/authorize`,
    query: { client_id: entry.client_id, scope: "read" },
    token: (form) => postForm(`${origin}/token`, form, headers),
    revoke: (value) => postForm(`${origin}/revoke`, { token: value }, headers),
    api: `${origin}/v1/me`,
  });
}

interface Served {
  readonly authorization: string;
  readonly query: Record<string, string>;
  readonly token: (form: Record<string, string>) => Promise<Answered>;
  readonly revoke: (token: string) => Promise<Answered>;
  readonly api: string;
}

function createClient(served: Served): TestClient {
  const authorizeUrl: TestClient["authorizeUrl"] = (changes = {}) => {
    const pkce = { code_challenge: CHALLENGE, code_challenge_method: "S256" };
    const query = { ...served.query, ...pkce, response_type: "code", redirect_uri: CALLBACK, state: "s-1", ...changes };
    const kept = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== null);
    return `${served.authorization}?${new URLSearchParams(kept)}`;
  };
  const exchangeCode: TestClient["exchangeCode"] = (code, changes = {}) =>
    served.token({
      grant_type: "authorization_code",
      code,
      code_verifier: VERIFIER,
      redirect_uri: CALLBACK,
      ...changes,
    });
  return {
    authorizeUrl,
    exchangeCode,
    async connect(options, changes) {
      const { finalLocation } = await approveConsent(authorizeUrl(changes), options);
      return exchangeCode(new URL(finalLocation).searchParams.get("code") ?? "");
    },
    refresh: (value) => served.token({ grant_type: "refresh_token", refresh_token: String(value) }),
    revoke: (value) => served.revoke(String(value)),
    api: (value) => readAnswer(fetch(served.api, { headers: { authorization: `Bearer ${value}` } })),
  };
}

export function postForm(url: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  return readAnswer(fetch(url, { method: "POST", body: new URLSearchParams(form), headers }));
}

/** Steers the sandbox; refuses to go on when it does not take the order. */
export async function control(sandbox: Sandbox, path: string, body: object = {}): Promise<void> {
  const response = await fetch(`${sandbox.address}${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
}

export async function listCalls(sandbox: Sandbox, provider: string): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${sandbox.address}/_calls?provider=${provider}`);
  const { calls } = (await response.json()) as { calls: Record<string, unknown>[] };
  return calls;
}

export async function readCredentials(sandbox: Sandbox, query = ""): Promise<Record<string, Record<string, string>>> {
  const response = await fetch(`${sandbox.address}/_credentials${query}`);
  return (await response.json()) as Record<string, Record<string, string>>;
}

export async function readAnswer(pending: Promise<Response>): Promise<Answered> {
  const response = await pending;
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : { text } };
}
