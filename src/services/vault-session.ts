import { AppError } from "../domain/errors.ts";
import { addSeconds, type EpochSeconds } from "../domain/time.ts";

/** The login in force. Kept in memory only: whoever holds the token holds every secret, so it is never stored. */
export interface VaultLogin {
  readonly token: string;
  readonly obtainedAt: EpochSeconds;
  /** 0 means it does not expire. */
  readonly ttlSeconds: number;
  readonly renewable: boolean;
}

/** A token as the store issued or renewed it, with the life it has from now. */
type IssuedToken = Omit<VaultLogin, "obtainedAt">;

/** What the session needs of the store. All three throw `vault_unavailable` when it does not answer. */
export interface VaultSessionDeps {
  readonly login: () => Promise<IssuedToken>;
  /** Null when the store refuses to renew: log in instead. */
  readonly renew: (token: string) => Promise<IssuedToken | null>;
  /** Says whether the store still knows the token. */
  readonly isKnown: (token: string) => Promise<boolean>;
  readonly now: () => EpochSeconds;
}

/** What the Durable Object keeps between calls; the functions below change it. */
export interface VaultSessionState {
  login: VaultLogin | null;
  /** The login or renewal under way, shared by every caller that needs its result. */
  inFlight: Promise<VaultLogin> | null;
}

/** A third of the life is left to ride out an outage of the store. */
const RENEW_AFTER = 2 / 3;
/** A token this close to its end could expire on its way to the store. */
const EXPIRY_MARGIN = 1 / 20;
/** A renewal that gives less of the life before it than this has met the token's maximum, which only a login resets. */
const SHORTEST_RENEWAL = 1 / 2;

/** A session nobody has used yet; also the state after the object was evicted, at the price of one login. */
export function createVaultSessionState(): VaultSessionState {
  return { login: null, inFlight: null };
}

/** When to renew: at 2/3 of the life, or `now` when that has passed. Null for a token that does not expire. */
export function nextRenewal(login: VaultLogin, now: EpochSeconds): EpochSeconds | null {
  if (login.ttlSeconds === 0) return null;
  const due = addSeconds(login.obtainedAt, login.ttlSeconds * RENEW_AFTER);
  return due > now ? due : now;
}

/** Says whether the store will take the token, as far as its life tells. */
export function isUsable(login: VaultLogin, now: EpochSeconds): boolean {
  return login.ttlSeconds === 0 || now < login.obtainedAt + login.ttlSeconds * (1 - EXPIRY_MARGIN);
}

/**
 * A token that should work, renewed or newly obtained when it is due.
 *
 * @throws `vault_unavailable` when there is no usable token and logging in fails.
 */
export async function readVaultToken(state: VaultSessionState, deps: VaultSessionDeps): Promise<string> {
  const { login } = state;
  const now = deps.now();
  if (!login || !isUsable(login, now)) return (await replaceLogin(state, deps)).token;
  const due = nextRenewal(login, now);
  if (due === null || due > now) return login.token;
  return (await renewOrLogin(state, deps)).token;
}

/**
 * Answers the token that replaces `refused`: one login, however many callers were refused.
 *
 * @throws `vault_unavailable` when logging in fails, or when the store knows the token and so its policy is what refused
 *         the call. Logging in then would change nothing, and would leave one more token in the store per call.
 */
export async function replaceRefusedToken(
  state: VaultSessionState,
  deps: VaultSessionDeps,
  refused: string,
): Promise<string> {
  // A renewal under way answers the refused token again, a login another one.
  const current = state.inFlight ? await state.inFlight : state.login;
  if (current && current.token !== refused) return current.token;
  const login = await share(state, async () => {
    if (state.login && (await deps.isKnown(refused))) {
      throw new AppError("vault_unavailable", "The secret store's policy does not allow our login what it was asked.");
    }
    state.login = null;
    return obtain(deps);
  });
  return login.token;
}

/**
 * Renews the token, or logs in when it cannot be renewed for long. Called at {@link nextRenewal}.
 *
 * @returns the login in force: the former one when the store does not answer and it is still usable.
 * @throws `vault_unavailable` when the store does not answer and nothing usable is left.
 */
export async function renewOrLogin(state: VaultSessionState, deps: VaultSessionDeps): Promise<VaultLogin> {
  const former = state.login;
  if (!former) return replaceLogin(state, deps);
  try {
    return await share(state, async () => (await renew(former, deps)) ?? (await obtain(deps)));
  } catch (error) {
    // What is lost is one renewal; the third of the life that is left allows for many more.
    if (isUsable(former, deps.now())) return former;
    throw error;
  }
}

function replaceLogin(state: VaultSessionState, deps: VaultSessionDeps): Promise<VaultLogin> {
  return share(state, () => obtain(deps));
}

/** Runs `work` unless a login is under way already, and keeps its result. */
function share(state: VaultSessionState, work: () => Promise<VaultLogin>): Promise<VaultLogin> {
  state.inFlight ??= work()
    .then((login) => {
      state.login = login;
      return login;
    })
    .finally(() => {
      state.inFlight = null;
    });
  return state.inFlight;
}

async function obtain(deps: VaultSessionDeps): Promise<VaultLogin> {
  // Taken before the call, so that the life counted here ends before the store's count does.
  const obtainedAt = deps.now();
  return { ...(await deps.login()), obtainedAt };
}

/** The renewed login; null when only a new login helps. */
async function renew(login: VaultLogin, deps: VaultSessionDeps): Promise<VaultLogin | null> {
  if (!login.renewable) return null;
  const obtainedAt = deps.now();
  const renewed = await deps.renew(login.token);
  if (!renewed || renewed.ttlSeconds < login.ttlSeconds * SHORTEST_RENEWAL) return null;
  return { ...renewed, obtainedAt };
}
