import { isApiKeySecret } from "../../domain/api-key.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import { type ConnectionId, readId } from "../../domain/ids.ts";
import { isKubectlSecret, KUBECTL_PERMISSIONS } from "../../domain/kubectl-token.ts";
import { permissionsOfRole } from "../../domain/permissions.ts";
import type {
  KeyProof,
  ProvenKey,
  ProvenKubectlToken,
  ProvenSession,
  SessionClaims,
  User,
} from "../../domain/ports/identity.ts";
import type { Principal } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { type Authentication, type Proven, type Refused, refuse, unauthenticated } from "./authentication.ts";

/** What a request presents, unproven. Null = not presented. */
export interface PresentedCredentials {
  /** The token of `Authorization: Bearer`; "" when the header holds anything else. */
  readonly bearer: string | null;
  /** Every value of our cookie. */
  readonly cookies: readonly string[];
  readonly apiKey: string | null;
  /** The user a key acts for. */
  readonly actAs: string | null;
}

type ProofDeps = Pick<Deps, "metrics" | "prover" | "identities" | "sessionTokens" | "sha256">;

/**
 * Proves who is calling. Every credential presented must be good; then they must agree.
 *
 * @param alongside A connection to read in the same round trip, as the proven caller; null = none.
 */
export async function authenticateCaller(
  deps: ProofDeps,
  presented: PresentedCredentials,
  alongside: ConnectionId | null,
): Promise<Authentication> {
  const { bearer, cookies, apiKey, actAs } = presented;
  if (cookies.length > 1) return refuse("two_cookies", contradiction("Two access_token cookies were sent."));
  const tokens = [...new Set([bearer, ...cookies].filter((token) => token !== null))];
  if (tokens.length === 0 && apiKey === null) return refuse("no_credential", unauthenticated());

  const sessions: Proven[] = [];
  for (const token of tokens) {
    // An agent's token is a bearer token only: in a cookie it is no session.
    const isAgents = isKubectlSecret(token) && !cookies.includes(token);
    const session = await (isAgents ? proveKubectlToken : proveSession)(deps, token, alongside);
    if (!session.ok) return session;
    sessions.push(session);
  }
  const key = apiKey === null ? null : await proveKey(deps, apiKey, actAs, alongside);
  // What is wrong with the key itself is said first, what is wrong with using it after.
  if (key && !key.ok && key.error.code === "unauthenticated") return key;
  return reconcile(sessions, key, actAs);
}

/** One caller out of what was proven, or the reason why there is none. */
function reconcile(sessions: readonly Proven[], key: Authentication | null, actAs: string | null): Authentication {
  const [session, other] = sessions;
  if (session === undefined) return key ?? refuse("no_credential", unauthenticated());
  const { principal } = session;
  if (key) return refuse("session_and_key", contradiction("Send a session or an API key, not both."), principal);
  if (other && other.principal.id !== principal.id) {
    return refuse("two_users", contradiction("The bearer token and the cookie belong to different users."), principal);
  }
  if (actAs !== null && actAs !== principal.id) {
    return refuse("foreign_user_id", new AppError("forbidden", "X-User-ID names another user."), principal);
  }
  return session;
}

async function proveSession(deps: ProofDeps, token: string, alongside: ConnectionId | null): Promise<Authentication> {
  const claims = await deps.sessionTokens.verify(token);
  if (claims === null) return refuse("invalid_token", unauthenticated());
  const fingerprint = await deps.sha256(token);
  const hot = deps.identities.recall(fingerprint);
  if (hot) return { ok: true, principal: hot, connection: undefined };

  const stamp = deps.identities.begin();
  const proof = await askProver(deps, claims, alongside);
  if (proof === null || proof.proven.workspaceId !== claims.workspaceId) {
    // We signed the token, so the workspace in it may be told.
    return { ...refuse("session_ended", unauthenticated()), workspaceId: claims.workspaceId };
  }
  const principal = sessionPrincipal(proof.proven, claims, fingerprint);
  deps.identities.remember(fingerprint, principal, stamp, claims.expiresAt);
  return { ok: true, principal, connection: alongside === null ? undefined : proof.connection };
}

/** A database that is away is the workspace's to know of: we signed the token, so the one in it is whose call this is. */
async function askProver(
  deps: ProofDeps,
  { sessionId, userId, workspaceId }: SessionClaims,
  alongside: ConnectionId | null,
) {
  try {
    return await deps.prover.proveSession(sessionId, userId, alongside);
  } catch (error) {
    if (isAppError(error) && error.code === "database_unavailable") deps.metrics.databaseFailed(workspaceId);
    throw error;
  }
}

async function proveKubectlToken(
  deps: ProofDeps,
  token: string,
  alongside: ConnectionId | null,
): Promise<Authentication> {
  const fingerprint = await deps.sha256(token);
  const hot = deps.identities.recall(fingerprint);
  if (hot) return { ok: true, principal: hot, connection: undefined };

  const stamp = deps.identities.begin();
  const proof = await deps.prover.proveKubectlToken(fingerprint, alongside);
  if (proof === null) return refuse("invalid_kubectl_token", unauthenticated());
  const principal = kubectlPrincipal(proof.proven, fingerprint);
  deps.identities.remember(fingerprint, principal, stamp, proof.proven.expiresAt);
  return { ok: true, principal, connection: alongside === null ? undefined : proof.connection };
}

async function proveKey(
  deps: ProofDeps,
  secret: string,
  actAs: string | null,
  alongside: ConnectionId | null,
): Promise<Authentication> {
  if (!isApiKeySecret(secret)) return refuse("invalid_key", unauthenticated());
  const fingerprint = await deps.sha256(secret);
  const memory = `${fingerprint}:${actAs ?? ""}`;
  const hot = deps.identities.recall(memory);
  if (hot) return { ok: true, principal: hot, connection: undefined };

  const stamp = deps.identities.begin();
  const proof = await deps.prover.proveKey(fingerprint, readId("usr", actAs), alongside);
  if (proof === null) return refuse("invalid_key", unauthenticated());
  const principal = keyPrincipal(proof.proven, fingerprint);
  if (actAs !== null) {
    const refused = findImpersonationProblem(proof, principal);
    if (refused) return refused;
  }
  const effective = proof.actingUser ? impersonate(principal, proof.proven, proof.actingUser) : principal;
  deps.identities.remember(memory, effective, stamp, proof.proven.expiresAt);
  return { ok: true, principal: effective, connection: alongside === null ? undefined : proof.connection };
}

function findImpersonationProblem({ proven, actingUser }: KeyProof, key: Principal): Refused | null {
  if (!proven.permissions.includes("users:impersonate")) {
    return refuse("may_not_impersonate", new AppError("forbidden", "This API key may not act for users."), key);
  }
  if (actingUser !== null) return null;
  return refuse("no_such_user", new AppError("not_found", "X-User-ID names no active user here."), key);
}

/** The role is the database's, not the token's: a claim can be as old as the session. */
function sessionPrincipal(proven: ProvenSession, claims: SessionClaims, fingerprint: string): Principal {
  const { userId, workspaceId, email, name, role } = proven;
  const { sessionId, expiresAt } = claims;
  return {
    id: userId,
    workspaceId,
    role,
    email,
    name,
    permissions: permissionsOfRole(role),
    credential: { kind: "session", sessionId, userId, expiresAt, fingerprint },
    impersonatedBy: null,
  };
}

function keyPrincipal(key: ProvenKey, fingerprint: string): Principal {
  return {
    id: key.principalId,
    workspaceId: key.workspaceId,
    role: "api_service",
    email: null,
    name: key.serviceName,
    permissions: key.permissions,
    credential: { kind: "api_key", keyId: key.keyId, fingerprint },
    impersonatedBy: null,
  };
}

function kubectlPrincipal({ tokenId, workspaceId, clusterName }: ProvenKubectlToken, fingerprint: string): Principal {
  return {
    id: tokenId,
    workspaceId,
    role: "api_service",
    email: null,
    name: clusterName,
    permissions: KUBECTL_PERMISSIONS,
    credential: { kind: "kubectl_token", tokenId, fingerprint },
    impersonatedBy: null,
  };
}

/** The user, with what both the key and the user may do. */
function impersonate(key: Principal, proven: ProvenKey, user: User): Principal {
  const { id, role, email, name } = user;
  const permissions = permissionsOfRole(role).filter((permission) => key.permissions.includes(permission));
  return { ...key, id, role, email, name, permissions, impersonatedBy: proven.principalId };
}

function contradiction(message: string): AppError {
  return new AppError("invalid_request", message);
}
