import { z } from "zod";
import { AppError } from "../../src/domain/errors.ts";
import { readText } from "../../src/domain/json.ts";
import type { SecretData } from "../../src/domain/token-data.ts";
import type { Provider } from "../../src/providers/provider.ts";

/**
 * What the provider does with the next call: answers; fails before it has done anything; hangs until the call times
 * out; answers late; commits and loses the answer; refuses the client.
 */
export type Behaviour =
  | { readonly kind: "ok" | "fail" | "hang" | "lose" | "reject" }
  | { readonly kind: "slow"; readonly seconds: number }
  | { readonly kind: "busy"; readonly retryAfterSeconds: number };

interface Grant {
  readonly id: number;
  current: string;
  revoked: boolean;
  isEndedByTheDead: boolean;
}

interface Call {
  readonly grant: Grant;
  readonly refreshToken: string;
  /** True once its caller has died. */
  readonly isAbandoned: () => boolean;
}

/** An authorization server that rotates refresh tokens and ends the whole grant when a spent one comes back. */
export interface FakeProvider {
  readonly provider: Provider;
  readonly calls: { readonly refreshToken: string; readonly atSeconds: number }[];
  readonly revocations: string[];
  /** Taken in order; when empty, every call is answered. */
  readonly behaviours: Behaviour[];
  /** The same for revocations. */
  readonly revocationBehaviours: Behaviour[];
  settings: { rotates: boolean; expiresIn: number | null };
  /** The most refreshes that were under way at once, of whatever grant. */
  maxInFlight(): number;
  /** Its caller died: what it had under way is not waited for any more, though it happens all the same. */
  hangUp(): void;
  /** What a consent brings: a new grant. */
  consent(nowSeconds: number): SecretData;
  /** The person, or the provider, ends every grant there is. */
  revokeAll(): void;
  /** The refresh token that works for the grant this one belongs to; null when the grant is dead. */
  currentOf(refreshToken: string): string | null;
  /** The number of the consent a refresh or access token goes back to: 1, 2, … */
  consentOf(token: unknown): number;
  /** True when a call whose caller had died came late and ended the grant: nobody can prevent that. */
  isEndedByTheDead(refreshToken: string): boolean;
  /** Every refresh token of that consent, in the order they were issued. */
  tokensOf(consent: number): readonly string[];
}

const CALL_TIMEOUT_MS = 60_000;

export function createFakeProvider(sleep: (milliseconds: number) => Promise<void>, id = "rotating"): FakeProvider {
  const grants = new Map<string, Grant>();
  let issued = 0;
  let consents = 0;
  let busiest = 0;
  let inFlight = 0;
  let era = 0;
  const fake: FakeProvider = {
    provider: describe(
      id,
      (secret, now) => refresh(secret, now),
      async (secret) => {
        const token = readText(secret, "refresh_token") ?? "";
        await fail(fake.revocationBehaviours.shift() ?? { kind: "ok" });
        fake.revocations.push(token);
        const grant = grants.get(token);
        if (grant) grant.revoked = true;
      },
    ),
    calls: [],
    revocations: [],
    behaviours: [],
    revocationBehaviours: [],
    settings: { rotates: true, expiresIn: 3600 },
    maxInFlight: () => busiest,
    hangUp() {
      era += 1;
      inFlight = 0;
    },
    consent(nowSeconds) {
      const grant = { id: consents + 1, current: "", revoked: false, isEndedByTheDead: false };
      consents += 1;
      return issue(grant, nowSeconds);
    },
    revokeAll() {
      for (const grant of grants.values()) grant.revoked = true;
    },
    currentOf: (token) => {
      const grant = grants.get(token);
      return grant === undefined || grant.revoked ? null : grant.current;
    },
    isEndedByTheDead: (token) => grants.get(token)?.isEndedByTheDead === true,
    consentOf: (token) => grants.get(String(token).replace("access", "refresh"))?.id ?? 0,
    tokensOf: (consent) => [...grants].flatMap(([token, { id: of }]) => (of === consent ? [token] : [])),
  };

  function issue(grant: Grant, nowSeconds: number): SecretData {
    issued += 1;
    grant.current = `refresh-${issued}`;
    grants.set(grant.current, grant);
    const { expiresIn } = fake.settings;
    const expiry = expiresIn === null ? {} : { expires_at: nowSeconds + expiresIn };
    return { access_token: `access-${issued}`, refresh_token: grant.current, ...expiry };
  }

  async function refresh(secret: SecretData, nowSeconds: number): Promise<SecretData> {
    const refreshToken = readText(secret, "refresh_token") ?? "";
    const behaviour = fake.behaviours.shift() ?? { kind: "ok" };
    fake.calls.push({ refreshToken, atSeconds: nowSeconds });
    const grant = grants.get(refreshToken);
    if (grant === undefined) throw new AppError("reauth_required", "There is no such grant.");
    const begunIn = era;
    inFlight += 1;
    busiest = Math.max(busiest, inFlight);
    try {
      return await answer(
        { grant, refreshToken, isAbandoned: () => era !== begunIn },
        { ...secret },
        behaviour,
        nowSeconds,
      );
    } finally {
      if (era === begunIn) inFlight -= 1;
    }
  }

  async function fail(behaviour: Behaviour): Promise<void> {
    if (behaviour.kind === "hang") await sleep(CALL_TIMEOUT_MS);
    if (behaviour.kind === "fail" || behaviour.kind === "hang") throw unavailable();
    if (behaviour.kind === "busy") throw unavailable(behaviour.retryAfterSeconds);
    if (behaviour.kind === "reject") throw new AppError("provider_rejected", "The client is not known.");
  }

  async function answer(
    { grant, refreshToken, isAbandoned }: Call,
    secret: SecretData,
    behaviour: Behaviour,
    nowSeconds: number,
  ): Promise<SecretData> {
    await fail(behaviour);
    if (behaviour.kind === "slow") await sleep(behaviour.seconds * 1000);
    if (fake.settings.rotates && grant.current !== refreshToken) {
      grant.isEndedByTheDead ||= isAbandoned();
      grant.revoked = true;
    }
    if (grant.revoked) throw new AppError("reauth_required", "The grant is dead.");
    const { expires_at: _, ...rest } = secret;
    const fresh = { ...rest, ...issue(grant, nowSeconds) };
    if (behaviour.kind === "lose") throw unavailable();
    return fake.settings.rotates ? fresh : { ...fresh, refresh_token: refreshToken };
  }

  return fake;
}

function unavailable(retryAfterSeconds?: number): AppError {
  return new AppError("provider_unavailable", "The provider does not answer.", { retryAfterSeconds });
}

function describe(
  id: string,
  refresh: (secret: SecretData, nowSeconds: number) => Promise<SecretData>,
  revoke: (secret: SecretData) => Promise<void>,
): Provider {
  return {
    id,
    name: "Rotating",
    kind: "authorization_code",
    docsUrl: "https://rotating.example/docs",
    apiHosts: ["api.rotating.example"],
    scopes: ["read"],
    exposes: ["access_token", "expires_at"],
    settings: [],
    credentials: null,
    storable: z.looseObject({ access_token: z.string() }),
    authorization: null,
    connect: null,
    refresh: (secret, { now }) => refresh(secret, now),
    revoke: (secret) => revoke(secret),
  };
}
