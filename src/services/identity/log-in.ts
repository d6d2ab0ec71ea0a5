import { type AuditEntry, UNAUTHENTICATED_CHAIN } from "../../domain/audit-event.ts";
import { ANONYMOUS, type Call, type ClientCall } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { createId } from "../../domain/ids.ts";
import { toPlainText } from "../../domain/plain-text.ts";
import type { SessionClaims } from "../../domain/ports/identity.ts";
import type { LoginRecord, Session } from "../../domain/ports/identity-stores.ts";
import { addSeconds } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";

/** A session just begun. */
export interface StartedSession {
  readonly user: LoginRecord["user"];
  readonly token: string;
  readonly expiresInSeconds: number;
}

type LoginDeps = Pick<
  Deps,
  "settings" | "users" | "sessions" | "passwords" | "sessionTokens" | "audit" | "random" | "now" | "sha256"
>;

const HOUR_SECONDS = 3600;
const MAX_USER_AGENT_CHARACTERS = 256;
const MAX_IP_CHARACTERS = 64;

/**
 * Begins a session, always a new one: whatever the browser held before is not made stronger.
 *
 * @param email In lower case.
 * @throws `invalid_credentials`: the same, after the same work, for an unknown email and for a wrong password.
 */
export async function logIn(
  deps: LoginDeps,
  credentials: { readonly email: string; readonly password: string },
  call: ClientCall,
): Promise<StartedSession> {
  const login = await deps.users.findLogin(credentials.email);
  const hash = login?.passwordHash ?? null;
  const isRight = await deps.passwords.matches(credentials.password, hash);
  const started = login !== null && hash !== null && isRight ? await startSession(deps, login.user, hash, call) : null;
  if (started !== null) return started;
  await recordFailure(deps, login, credentials.email, call);
  throw new AppError("invalid_credentials", "The email or the password is wrong.");
}

/** Null when the password was changed since it was checked. */
async function startSession(
  deps: LoginDeps,
  user: LoginRecord["user"],
  passwordHash: string,
  call: ClientCall,
): Promise<StartedSession | null> {
  const expiresInSeconds = deps.settings.jwtExpiryHours * HOUR_SECONDS;
  const issuedAt = deps.now();
  const claims: SessionClaims = {
    sessionId: createId("ses", deps.random),
    userId: user.id,
    workspaceId: user.workspaceId,
    email: user.email,
    role: user.role,
    issuedAt,
    expiresAt: addSeconds(issuedAt, expiresInSeconds),
  };
  const scope = { userId: user.id, workspaceId: user.workspaceId };
  if (!(await deps.sessions.create(scope, toSession(claims, call), passwordHash))) return null;
  await deps.audit.record(user.workspaceId, {
    action: "user.login",
    outcome: "success",
    actor: { type: "user", id: user.id },
    resource: { type: "session", id: claims.sessionId },
    ip: call.ip,
    requestId: call.requestId,
    detail: {},
  });
  return { user, token: await deps.sessionTokens.sign(claims), expiresInSeconds };
}

function toSession({ sessionId, issuedAt, expiresAt }: SessionClaims, call: ClientCall): Session {
  const ip = toPlainText(call.ip, MAX_IP_CHARACTERS);
  const userAgent = toPlainText(call.userAgent, MAX_USER_AGENT_CHARACTERS);
  return { id: sessionId, createdAt: issuedAt, expiresAt, ip, userAgent };
}

/** A known person's workspace learns of it; an unknown email is nowhere kept in clear. */
async function recordFailure(deps: LoginDeps, login: LoginRecord | null, email: string, call: Call): Promise<void> {
  const entry: AuditEntry = {
    action: "user.login_failed",
    outcome: "failure",
    actor: ANONYMOUS,
    resource: login && { type: "user", id: login.user.id },
    ip: call.ip,
    requestId: call.requestId,
    detail: {},
  };
  if (login) return deps.audit.record(login.user.workspaceId, entry);
  return deps.audit.count(UNAUTHENTICATED_CHAIN, `user.login_failed:${await deps.sha256(email)}`, entry);
}
