import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { readId, toHex } from "../domain/ids.ts";
import { USER_ROLES } from "../domain/permissions.ts";
import type { Now } from "../domain/ports/clock.ts";
import type { SessionClaims, SessionTokens } from "../domain/ports/identity.ts";
import type { Secret } from "../domain/secret.ts";
import { epochSeconds } from "../domain/time.ts";

const ALGORITHM = "HS256";
/** Marks access tokens, so that no other JWT is taken for one. @see https://www.rfc-editor.org/rfc/rfc9068#section-2.1 */
const TYPE = "at+jwt";
const AUDIENCE = "aurora-edge";
const REQUIRED_CLAIMS = ["sub", "role", "exp", "iat", "uid", "wid", "jti", "iss", "aud"];
/** Clocks of two machines may differ by this much. It never lengthens a token's life. */
const CLOCK_SKEW_SECONDS = 60;
/** `JWT_EXPIRY_HOURS` goes up to 30 days; a token that claims more is not ours. */
const MAX_LIFE_SECONDS = 30 * 86_400;
/** Ours have under 700. */
const MAX_TOKEN_CHARACTERS = 4096;
/** jose ignores padding, and the last two bits of a signature, which carry nothing; a token has one spelling here. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]$/;
const KEY_ID_BYTES = 4;

interface TokenSettings {
  /** Signs and verifies. */
  readonly secret: Secret<string>;
  /** Verify only: tokens signed before the secret was changed. */
  readonly previousSecrets: readonly Secret<string>[];
  /** `PUBLIC_URL`. */
  readonly issuer: string;
  readonly now: Now;
}

/** Keys by `kid`, and the one that signs. */
interface KeyRing {
  readonly signingKeyId: string;
  readonly keys: ReadonlyMap<string, CryptoKey>;
}

/** Our session tokens: JWT, HS256, `typ` and `kid` always present. Keep one per isolate: it imports its keys once. */
export function createSessionTokens(settings: TokenSettings): SessionTokens {
  let ring: KeyRing | null = null;
  const readRing = async () => {
    ring ??= await importKeys([settings.secret, ...settings.previousSecrets]);
    return ring;
  };
  return {
    sign: async (claims) => sign(await readRing(), settings.issuer, claims),
    verify: async (token) => {
      if (token.length > MAX_TOKEN_CHARACTERS || !COMPACT.test(token)) return null;
      return verify(await readRing(), settings, token);
    },
  };
}

async function importKeys(secrets: readonly Secret<string>[]): Promise<KeyRing> {
  const entries = await Promise.all(
    secrets.map(async (secret) => {
      const bytes = new TextEncoder().encode(secret.reveal());
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const algorithm = { name: "HMAC", hash: "SHA-256" };
      const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
      return [toHex(digest.subarray(0, KEY_ID_BYTES)), key] as const;
    }),
  );
  return { signingKeyId: entries[0]?.[0] ?? "", keys: new Map(entries) };
}

function sign(ring: KeyRing, issuer: string, claims: SessionClaims): Promise<string> {
  return new SignJWT({ role: claims.role, uid: claims.userId, wid: claims.workspaceId })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: ring.signingKeyId })
    .setSubject(claims.email)
    .setJti(claims.sessionId)
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setIssuedAt(claims.issuedAt)
    .setExpirationTime(claims.expiresAt)
    .sign(requireKey(ring, ring.signingKeyId));
}

async function verify(ring: KeyRing, settings: TokenSettings, token: string): Promise<SessionClaims | null> {
  const now = settings.now();
  try {
    const { payload } = await jwtVerify(token, (header) => requireKey(ring, header.kid), {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: settings.issuer,
      audience: AUDIENCE,
      requiredClaims: REQUIRED_CLAIMS,
      clockTolerance: CLOCK_SKEW_SECONDS,
      currentDate: new Date(now * 1000),
    });
    const claims = parseClaims(payload);
    return claims !== null && isTimely(claims, now) ? claims : null;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}

/** jose's tolerance would lengthen `exp` and leaves `iat` alone; both are decided here. */
function isTimely({ issuedAt, expiresAt }: SessionClaims, now: number): boolean {
  return now < expiresAt && issuedAt <= now + CLOCK_SKEW_SECONDS && expiresAt - issuedAt <= MAX_LIFE_SECONDS;
}

function requireKey(ring: KeyRing, keyId: string | undefined): CryptoKey {
  const key = ring.keys.get(keyId ?? "");
  if (key === undefined) throw new errors.JWKSNoMatchingKey();
  return key;
}

function parseClaims(payload: JWTPayload): SessionClaims | null {
  const { sub, exp, iat, aud } = payload;
  const sessionId = readId("ses", payload.jti);
  const userId = readId("usr", payload["uid"]);
  const workspaceId = readId("wsp", payload["wid"]);
  const role = USER_ROLES.find((known) => known === payload["role"]);
  if (sessionId === null || userId === null || workspaceId === null || role === undefined) return null;
  if (typeof sub !== "string" || typeof aud !== "string" || !isTime(exp) || !isTime(iat)) return null;
  return {
    sessionId,
    userId,
    workspaceId,
    email: sub,
    role,
    issuedAt: epochSeconds(iat),
    expiresAt: epochSeconds(exp),
  };
}

/** The year 9999, as `EpochSeconds` bounds it. */
const LATEST = 253_402_300_799;

function isTime(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= LATEST;
}
