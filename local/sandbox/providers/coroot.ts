import { createHash, randomBytes } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";

const HOST = "coroot.demo.example";
const COOKIE = "coroot_session";
const EMAIL = "demo@example.com";
const POWERLESS_EMAIL = "nobody@example.com";
const WEEK_SECONDS = 604_800;
const USER = {
  ...{ email: EMAIL, name: "Sandbox", role: "Viewer", readonly: false },
  projects: [{ id: "sb1x2y3z", name: "sandbox" }],
};

/**
 * A Coroot with two users, one of whom may see nothing: the community edition tells any user who they are, a proxy in
 * front of it need not. Sessions end when they say they do, and no two are alike, where the real one is lenient.
 * @see https://github.com/coroot/coroot/blob/main/api/auth.go
 */
export function createCoroot(context: SandboxContext): SandboxProvider {
  const password = context.secret("coroot-password", () => randomBytes(18).toString("base64url"));
  const settings = context.tokenSettings({
    ...{ provider: "coroot", expires_in: WEEK_SECONDS, rotate: false, grace_seconds: 0 },
  });
  return {
    id: "coroot",
    origins: [`https://${HOST}`],
    settings: {},
    credentials: () => ({ base_url: `https://${HOST}`, email: EMAIL, password }),
    refusedCredentials: () => ({ base_url: `https://${HOST}`, email: POWERLESS_EMAIL, password }),
    routes: [
      {
        method: "POST",
        host: HOST,
        path: "/api/login",
        endpoint: "token",
        handle: (request) => logIn(context, settings(), request, password),
      },
      {
        method: "GET",
        host: HOST,
        path: "/api/user",
        endpoint: "api",
        handle: (request) => readUser(findUser(context, request)),
      },
    ],
  };
}

/** A wrong password is 404, as if there were nobody of that name. */
function logIn(
  { state, now }: SandboxContext,
  settings: TokenSettings,
  request: WireRequest,
  password: string,
): Answer {
  const given = readLogin(request);
  if (!given?.["email"] || !given["password"]) return text(400, "");
  const email = [EMAIL, POWERLESS_EMAIL].find((known) => known === given["email"]);
  if (email === undefined || given["password"] !== password) return text(404, "Invalid email or password.\n");
  const session = `${randomBytes(12).toString("base64url")}.${randomBytes(32).toString("base64url")}`;
  const expiresAtMs = now() + settings.expires_in * 1000;
  state.set(keyOf(session), email, expiresAtMs);
  const cookie = `${COOKIE}=${session}; Path=/; Expires=${new Date(expiresAtMs).toUTCString()}; HttpOnly`;
  return { status: 200, headers: { "set-cookie": [cookie] }, body: "" };
}

function readLogin({ body }: WireRequest): Record<string, unknown> | null {
  try {
    return JSON.parse(body.toString("utf8")) as Record<string, unknown> | null;
  } catch {
    // Coroot answers 400 to what it cannot read.
    return null;
  }
}

/** The email of whoever is signed in; null for nobody. */
function findUser({ state }: SandboxContext, { headers }: WireRequest): unknown {
  const pairs = headers.cookie?.split("; ") ?? [];
  const session = pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
  return session === undefined ? null : state.get(keyOf(session));
}

function readUser(email: unknown): Answer {
  if (email === null) return text(401, "");
  return email === EMAIL ? json(200, USER) : text(403, "");
}

function text(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

function keyOf(session: string): string {
  return `coroot/session/${createHash("sha256").update(session).digest("base64url")}`;
}
