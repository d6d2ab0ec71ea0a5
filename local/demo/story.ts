import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { approveConsent } from "./approve-consent.ts";
import { expectStatus, readText } from "./replies.ts";
import { cut } from "./shorten.ts";
import { createTalk, type Reply, type Talk } from "./talk.ts";

type Print = (line: string) => void;

/** Short, so that the story has not to wait long; Aurora refreshes at half the life of tokens this short. */
const TOKEN_LIFE_SECONDS = 8;
/** What Google gives them, and the sandbox too but for the first. */
const GOOGLE_LIFE_SECONDS = 3599;
const CALLERS = 50;
/** The provider takes this long over the refresh, so that every caller arrives while it is under way. */
const PROVIDER_DELAY_MS = 1_500;
/** Past half the life, in which the refresh falls due. */
const WAIT_MS = TOKEN_LIFE_SECONDS * 500 + 200;

interface Stage {
  readonly aurora: Talk;
  readonly sandbox: Talk;
  readonly print: Print;
  readonly worker: string;
}

/**
 * Plays the main story against a running stack and prints each step's request and answer.
 *
 * @throws Error in one sentence at the first step that does not go as it should.
 */
export async function playStory(endpoints: { worker: string; sandbox: string }, print: Print): Promise<void> {
  const aurora = createTalk("aurora ", endpoints.worker, print);
  const sandbox = createTalk("sandbox", endpoints.sandbox, print);
  const stage = { aurora, sandbox, print, worker: endpoints.worker };
  try {
    await signIn(stage);
    const connection = await connectGoogle(stage);
    await restoreLife(sandbox);
    await refreshOnce(stage, connection);
    await connectByKey(stage);
    await disconnect(stage, connection);
  } finally {
    await restoreLife(sandbox);
  }
  print("\nThat is the whole story.");
}

/** Only the first token is short-lived: other connections at this sandbox must not refresh while ours is counted. */
async function restoreLife(sandbox: Talk): Promise<void> {
  await sandbox.quietly("POST", "/_tokens", { provider: "gcp", expires_in: GOOGLE_LIFE_SECONDS, rotate: false });
}

async function signIn({ aurora, print }: Stage): Promise<void> {
  const email = `demo-${randomBytes(4).toString("hex")}@example.com`;
  const password = randomBytes(12).toString("base64url");
  print("\n━━ 1. Somebody registers, and gets a workspace");
  expectStatus(await aurora.call("POST", "/api/auth/register", { email, password, name: "Demo" }), 201);
  print("\n━━ 2. … and signs in");
  const login = expectStatus(await aurora.call("POST", "/api/auth/login", { email, password }), 200);
  aurora.headers["authorization"] = `Bearer ${readText(login, "access_token")}`;
  expectStatus(await aurora.call("GET", "/api/auth/me"), 200);
}

async function connectGoogle({ aurora, sandbox, print, worker }: Stage): Promise<string> {
  print(
    `\n━━ 3. Google's first token shall live ${TOKEN_LIFE_SECONDS} seconds, so that nobody has to wait for an hour`,
  );
  const settings = { provider: "gcp", expires_in: TOKEN_LIFE_SECONDS };
  expectStatus(await sandbox.call("POST", "/_tokens", settings), 200);
  print("\n━━ 4. Google Cloud is connected through its consent page");
  const start = await aurora.call("POST", "/api/v1/providers/gcp/authorize", { return_to: "/" });
  const loginUrl = readText(expectStatus(start, 200), "login_url");
  const session = (aurora.headers["authorization"] ?? "").slice("Bearer ".length);
  return approveConsent({ loginUrl, worker, session }, print);
}

async function refreshOnce({ aurora, sandbox, print }: Stage, connection: string): Promise<void> {
  const path = `/api/v1/connections/${connection}/token`;
  print("\n━━ 5. A service asks for the token");
  const first = readAccessToken(expectStatus(await aurora.call("GET", path), 200));
  print(`\n━━ 6. The token nears its end, Google is slow, and ${CALLERS} ask at once`);
  const slow = { provider: "gcp", endpoint: "token", kind: "delay", ms: PROVIDER_DELAY_MS, times: 1 };
  expectStatus(await sandbox.call("POST", "/_faults", slow), 200);
  const before = await countRefreshes(sandbox);
  await sleep(WAIT_MS);
  const replies = await Promise.all(Array.from({ length: CALLERS }, () => aurora.quietly("GET", path)));
  const tokens = new Set(replies.map((reply) => readAccessToken(expectStatus(reply, 200))));
  const refreshes = (await countRefreshes(sandbox)) - before;
  print(`aurora  GET ${path}  × ${CALLERS}`);
  print(`→ 200 × ${replies.length}, all with ${[...tokens].map(cut).join(" and ")}; before it was ${cut(first)}`);
  print(`sandbox GET /_calls?provider=gcp  → refreshes Google saw: ${refreshes}`);
  if (refreshes !== 1) throw new Error(`Google was asked ${refreshes} times, not once.`);
  if (tokens.size !== 1 || tokens.has(first)) throw new Error("Not everyone got the new token.");
}

async function countRefreshes(sandbox: Talk): Promise<number> {
  const { body } = await sandbox.quietly("GET", "/_calls?provider=gcp");
  const calls = Array.isArray(body["calls"]) ? (body["calls"] as readonly Record<string, unknown>[]) : [];
  return calls.filter((call) => call["grant_type"] === "refresh_token").length;
}

async function connectByKey({ aurora, sandbox, print }: Stage): Promise<void> {
  print("\n━━ 7. Azure, AWS and Grafana are connected by what an operator types in");
  const credentials = await sandbox.quietly("GET", "/_credentials");
  for (const provider of ["azure", "aws", "grafana"]) {
    const path = `/api/v1/providers/${provider}/connect`;
    const made = expectStatus(await aurora.call("POST", path, credentials.body[provider]), 201);
    expectStatus(await aurora.call("GET", `/api/v1/connections/${readText(made, "id")}/token`), 200);
  }
  expectStatus(await aurora.call("GET", "/api/v1/connections"), 200);
}

async function disconnect({ aurora, print }: Stage, connection: string): Promise<void> {
  print("\n━━ 8. Google Cloud is disconnected, and nobody gets its token any more");
  expectStatus(await aurora.call("DELETE", `/api/v1/connections/${connection}`), 204);
  expectStatus(await aurora.call("GET", `/api/v1/connections/${connection}/token`), 404);
}

function readAccessToken({ body }: Reply): string {
  const data = body["token_data"] as Readonly<Record<string, unknown>> | undefined;
  const token = data?.["access_token"];
  if (typeof token !== "string") throw new Error("The answer holds no access token.");
  return token;
}
