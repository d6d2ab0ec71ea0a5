import { UNAUTHENTICATED_CHAIN } from "../../domain/audit-event.ts";
import type { Call } from "../../domain/call.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import { type Handshake, readHandshakeId } from "../../domain/handshake.ts";
import { createRandomText } from "../../domain/random-text.ts";
import type { Acquired, Provider } from "../../providers/provider.ts";
import { runAfterConnect } from "../connections/after-connect.ts";
import { type ConnectDeps, requireProvider } from "../connections/connect-account.ts";
import { connectedDeed } from "../connections/record-connected.ts";
import { type Storing, tryToStore } from "../connections/store-acquired.ts";
import type { Deps } from "../deps.ts";
import { createProviderContext } from "../provider-context.ts";
import { dropGrant } from "./drop-grant.ts";
import { recordRefusedConsent } from "./record-refused-consent.ts";
import { withResult } from "./return-to.ts";

export type FinishDeps = ConnectDeps & Pick<Deps, "gcpSetupRuns" | "gcpSetups" | "handshakes" | "log">;

/** What the browser brought to the callback. */
export interface Callback {
  readonly provider: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly sessionUser: string | null;
  readonly readCookie: (name: string) => string | null;
  readonly origin: Call;
}

/**
 * Ends a consent: takes its state, spends its code and connects the account.
 *
 * @param bindingCookie Names the cookie of a handshake.
 * @returns where the browser goes, with `login=…` in the query.
 * @throws `invalid_request` (a bad, foreign, reused or expired state) and `forbidden` (another person or browser):
 *         nothing was exchanged. Later failures are in the query instead: `stored=later` when the connection will
 *         appear by itself; otherwise nothing was kept, and what the provider had granted is revoked.
 */
export async function finishConsent(
  deps: FinishDeps,
  callback: Callback,
  bindingCookie: (handshakeId: string) => string,
): Promise<string> {
  const handshake = await takeState(deps, callback, bindingCookie);
  const provider = requireProvider(deps, handshake.provider);
  try {
    const acquired = await exchangeCode(deps, provider, handshake, callback.query);
    const result = await keep(deps, provider, handshake, acquired, callback.origin);
    return withResult(handshake.returnTo, result);
  } catch (error) {
    if (!isAppError(error)) throw error;
    await recordEnd(deps, handshake, callback.origin, "failure", { reason: error.code });
    return withResult(handshake.returnTo, {
      login: `${provider.id}_failed`,
      error: failureCode(callback.query, error),
    });
  }
}

async function takeState(
  deps: FinishDeps,
  callback: Callback,
  bindingCookie: (handshakeId: string) => string,
): Promise<Handshake> {
  const state = callback.query.get("state") ?? "";
  const id = readHandshakeId(state);
  try {
    if (id === null) throw new AppError("invalid_request", "This consent is unknown, was used before or has expired.");
    return await deps.handshakes.take(id, {
      state,
      provider: callback.provider,
      redirectUri: `${deps.settings.publicUrl}${callback.path}`,
      browser: callback.readCookie(bindingCookie(id)),
      sessionUser: callback.sessionUser,
    });
  } catch (error) {
    const reason = isAppError(error) ? error.code : "internal";
    // Another person's or browser's, but a consent of ours: its workspace is told. Anything else is nobody's.
    const starter = reason === "forbidden" && id !== null ? await deps.handshakes.findStarter(id) : null;
    const chain = starter?.workspaceId ?? UNAUTHENTICATED_CHAIN;
    await recordRefusedConsent(deps, chain, callback.provider, callback.sessionUser, reason, callback.origin);
    throw error;
  }
}

/** The stores are asked first: a code that cannot be kept is better not spent. */
async function exchangeCode(
  deps: FinishDeps,
  provider: Provider,
  handshake: Handshake,
  query: URLSearchParams,
): Promise<Acquired> {
  if (provider.authorization === null) throw new AppError("invalid_request", `${provider.name} has no consent page.`);
  if (query.has("code")) await Promise.all([deps.secrets.check(), deps.connections.check()]);
  const context = await createProviderContext(deps, provider, scopeOfStarter(handshake));
  const { state, redirectUri, codeVerifier, scopes, choice = {} } = handshake;
  const exchange = { callback: query, state, redirectUri, codeVerifier, scopes, choice };
  return provider.authorization.exchange(exchange, context);
}

/** Mode `session` connects at once; mode `verify` holds the grant until the starter posts the code. */
async function keep(
  deps: FinishDeps,
  provider: Provider,
  handshake: Handshake,
  acquired: Acquired,
  origin: Call,
): Promise<Readonly<Record<string, string>>> {
  if (handshake.mode === "verify") {
    const code = `${handshake.id}.${createRandomText(deps.random)}`;
    await hold(deps, handshake, acquired, code);
    return { login: `${provider.id}_pending`, connect_code: code };
  }
  const storing = await connectGrant(deps, provider, handshake, acquired, origin);
  if (storing.kind === "stored") {
    return { login: `${provider.id}_success`, connection: storing.stored.connection.id };
  }
  return { login: `${provider.id}_failed`, error: storing.error.code, ...laterOf(storing) };
}

async function hold(deps: FinishDeps, handshake: Handshake, acquired: Acquired, code: string): Promise<void> {
  try {
    await deps.handshakes.hold(handshake.id, await deps.sha256(code), { ...acquired });
  } catch (error) {
    await dropGrant(deps, handshake, acquired);
    throw error;
  }
}

/** Makes a grant the starter's connection and records what became of it; one that nobody could keep is revoked. */
export async function connectGrant(
  deps: FinishDeps,
  provider: Provider,
  handshake: Handshake,
  acquired: Acquired,
  origin: Call,
): Promise<Storing> {
  const scope = scopeOfStarter(handshake);
  const storing = await tryToStore(deps, scope, provider, acquired, { account: null, shared: null });
  if (storing.kind === "lost") await dropGrant(deps, handshake, acquired);
  if (storing.kind === "stored") await recordEnd(deps, handshake, origin, "success", {});
  else await recordEnd(deps, handshake, origin, "failure", { reason: storing.error.code, ...laterOf(storing) });
  const deed = connectedDeed(storing);
  const by = { actor: actorOfStarter(handshake), ...origin };
  if (deed !== null) await deps.audit.record(scope.workspaceId, { ...deed, outcome: "success", ...by });
  // Also of one its keeper stores later: what is begun now is tried again until the credential is there.
  if ("stored" in storing) await runAfterConnect(deps, provider, storing.stored.connection);
  return storing;
}

/** Says when the connection will appear by itself. */
function laterOf({ kind }: Storing): Readonly<Record<string, string>> {
  return kind === "kept" ? { stored: "later" } : {};
}

function recordEnd(
  deps: FinishDeps,
  handshake: Handshake,
  origin: Call,
  outcome: "success" | "failure",
  detail: Readonly<Record<string, string>>,
): Promise<void> {
  return deps.audit.record(handshake.starter.workspaceId, {
    action: outcome === "success" ? "oauth.completed" : "oauth.failed",
    outcome,
    actor: actorOfStarter(handshake),
    resource: { type: "provider", id: handshake.provider },
    ...origin,
    detail,
  });
}

function actorOfStarter({ starter }: Handshake) {
  const type = starter.effectiveId.startsWith("key_") ? ("api_key" as const) : ("user" as const);
  return { type, id: starter.effectiveId };
}

function scopeOfStarter({ starter }: Handshake) {
  return { userId: starter.effectiveId, workspaceId: starter.workspaceId };
}

/** The provider's own word for a refused consent (RFC 6749 section 4.1.2.1), when it is one of the few it may send. */
function failureCode(query: URLSearchParams, error: AppError): string {
  const sent = query.get("error") ?? "";
  return /^[a-z_]{1,40}$/.test(sent) ? sent : error.code;
}
