import { createHash } from "node:crypto";
import { createSessionTokens } from "../../src/adapters/jwt.ts";
import { createHotIdentities } from "../../src/adapters/memory/hot-identities.ts";
import type { ClientCall } from "../../src/domain/call.ts";
import type { UserId } from "../../src/domain/ids.ts";
import { DEFAULT_LIMITS } from "../../src/domain/limits.ts";
import type { Permission, UserRole } from "../../src/domain/permissions.ts";
import type { Principal } from "../../src/domain/principal.ts";
import { createSecret } from "../../src/domain/secret.ts";
import type { Settings } from "../../src/domain/settings.ts";
import { epochSeconds } from "../../src/domain/time.ts";
import { authenticateCaller, type PresentedCredentials } from "../../src/services/identity/authenticate-caller.ts";
import { createApiKey } from "../../src/services/identity/create-api-key.ts";
import { createUser } from "../../src/services/identity/create-user.ts";
import { logIn } from "../../src/services/identity/log-in.ts";
import { registerUser } from "../../src/services/identity/register-user.ts";
import { createFakeAuditLog } from "./fake-audit-log.ts";
import { createFakeIdentity } from "./fake-identity.ts";
import { createFakeLimiter } from "./fake-limiter.ts";
import { createFakeMetrics } from "./fake-metrics.ts";
import { createFakePasswords } from "./fake-passwords.ts";
import { randomBytes } from "./random-bytes.ts";

export const CALL: ClientCall = { ip: "192.0.2.7", requestId: "req_1", userAgent: "test" };
export const PASSWORD = "correct horse battery";

const SETTINGS: Settings = {
  environment: "test",
  publicUrl: "https://aurora.example",
  frontendUrls: ["https://app.example"],
  registration: "open",
  jwtExpiryHours: 24,
  vaultMount: "aurora",
  vaultBasePath: "users",
  secretCacheTtlSeconds: 3600,
  auditRetentionDays: 365,
  hotCacheSeconds: 5,
  allowLoopbackWebhooks: false,
  operatorWorkspaceId: null,
  limits: DEFAULT_LIMITS,
  standInOrigins: [],
};

/** Everything identity needs, in memory, with a clock that is moved by hand. */
export function createIdentityWorld(change: Partial<Settings> = {}) {
  const clock = { seconds: 1_800_000_000 };
  const now = () => epochSeconds(clock.seconds);
  const settings = { ...SETTINGS, ...change };
  const deps = {
    ...createFakeIdentity(now),
    settings,
    now,
    random: randomBytes,
    sha256: async (text: string) => createHash("sha256").update(text).digest("hex"),
    defer: (_work: Promise<unknown>) => undefined,
    audit: createFakeAuditLog(),
    metrics: createFakeMetrics(),
    limiter: createFakeLimiter(),
    keySightings: { note: () => undefined },
    passwords: createFakePasswords(),
    identities: createHotIdentities(settings.hotCacheSeconds, now),
    sessionTokens: createSessionTokens({
      secret: createSecret("a secret of the tests, 32 characters"),
      previousSecrets: [],
      issuer: settings.publicUrl,
      now,
    }),
  };
  return { deps, clock };
}

export type IdentityWorld = ReturnType<typeof createIdentityWorld>;

const NOTHING: PresentedCredentials = { bearer: null, cookies: [], apiKey: null, actAs: null };

/** Authenticates with what is given and nothing else. */
export function present({ deps }: IdentityWorld, presented: Partial<PresentedCredentials>) {
  return authenticateCaller(deps, { ...NOTHING, ...presented }, null);
}

/** The caller that is proven; fails the test when nobody is. */
export async function prove(world: IdentityWorld, presented: Partial<PresentedCredentials>): Promise<Principal> {
  const answer = await present(world, presented);
  if (!answer.ok) throw new Error(`not proven: ${answer.reason}`);
  return answer.principal;
}

/** Registers an admin of a new workspace and logs in. */
export async function signUp(world: IdentityWorld, email: string) {
  const registration = { email, password: PASSWORD, name: null, workspaceName: null };
  const { id } = await registerUser(world.deps, registration, CALL);
  return { id, ...(await signIn(world, email)) };
}

/** A new session of somebody who is there. */
export async function signIn(world: IdentityWorld, email: string, password = PASSWORD) {
  const { token } = await logIn(world.deps, { email, password }, CALL);
  return { token, principal: await prove(world, { bearer: token }) };
}

/** A colleague of `admin`, who can log in. */
export async function addColleague(world: IdentityWorld, admin: Principal, role: UserRole, email: string) {
  const draft = { email, role, name: null, password: PASSWORD };
  const user = await createUser(world.deps, admin, draft, CALL);
  return user.id satisfies UserId;
}

/** A key of the admin's workspace. */
export async function addKey(world: IdentityWorld, admin: Principal, permissions: readonly Permission[]) {
  const draft = { serviceName: "ci", expiresInSeconds: null, permissions };
  return createApiKey(world.deps, admin, draft, CALL);
}

/** The actions audited so far, in order. */
export function actionsOf({ deps }: IdentityWorld): string[] {
  return deps.audit.entries.map(({ action }) => action);
}
