import type { Context } from "hono";
import type { AppEnv } from "../middleware/app-env.ts";
import { takeOrRefuse } from "../middleware/rate-limit.ts";
import { setSessionCookie } from "../middleware/session-cookie.ts";
import { logIn, type StartedSession } from "../services/identity/log-in.ts";
import { callOf } from "./call.ts";

/** Counts the try for the account, whoever makes it from wherever, logs in and hands the browser its cookie. */
export async function beginSession(c: Context<AppEnv>, email: string, password: string): Promise<StartedSession> {
  const { deps } = c.var;
  // Hashed, so that no email is kept where limits are.
  await takeOrRefuse(c, "login_account", await deps.sha256(email));
  const session = await logIn(deps, { email, password }, callOf(c));
  setSessionCookie(c, session.token, session.expiresInSeconds);
  return session;
}
