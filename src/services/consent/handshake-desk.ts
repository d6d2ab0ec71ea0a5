import { AppError } from "../../domain/errors.ts";
import { HANDSHAKE_SECONDS, type Handshake, type Starter } from "../../domain/handshake.ts";
import { type JsonObject, parseJsonObject } from "../../domain/json.ts";
import type { CallbackEvidence, Claim } from "../../domain/ports/handshakes.ts";
import { addSeconds } from "../../domain/time.ts";
import { type Desk, type HandshakeRecord, sealHandshake, unsealHandshake } from "./desk.ts";
import { endUnwantedGrant, putAside } from "./unwanted-grant.ts";

/** Keeps a new consent for ten minutes. */
export async function startHandshake(desk: Desk, handshake: Handshake, ticketHash: string): Promise<void> {
  const expiresAt = addSeconds(desk.deps.now(), HANDSHAKE_SECONDS);
  const sealedHandshake = await sealHandshake(desk, handshake);
  const untouched = { browserHash: null, isTaken: false, held: null, unwanted: null };
  desk.state.write({ sealedHandshake, ticketHash, expiresAt, ...untouched });
  desk.state.wakeAt(expiresAt * 1000);
}

/** @see Handshakes.open; without a `browserHash` nothing is bound. */
export async function openHandshake(desk: Desk, ticketHash: string, browserHash: string | null): Promise<Handshake> {
  const handshake = await readHandshake(desk, desk.state.read());
  const record = desk.state.read();
  if (handshake === null || record === null || record.isTaken || record.ticketHash !== ticketHash) {
    throw new AppError("invalid_request", "This link was used or has expired; start again.");
  }
  if (browserHash !== null) desk.state.write({ ...record, browserHash });
  return handshake;
}

/** @see Handshakes.take */
export async function takeHandshake(desk: Desk, evidence: CallbackEvidence): Promise<Handshake> {
  const handshake = await readHandshake(desk, desk.state.read());
  const browserHash = evidence.browser === null ? null : await desk.deps.sha256(evidence.browser);
  const stateHashes = [await desk.deps.sha256(evidence.state), await desk.deps.sha256(handshake?.state ?? "")];
  // No await from here to the mark: of two callbacks at once, one finds it taken.
  const record = desk.state.read();
  if (handshake === null || record === null || record.isTaken) throw refusedState();
  if (stateHashes[0] !== stateHashes[1]) throw refusedState();
  if (handshake.provider !== evidence.provider || handshake.redirectUri !== evidence.redirectUri) throw refusedState();
  requireOwnBrowser(handshake, record, browserHash, evidence.sessionUser);
  desk.state.write({ ...record, isTaken: true });
  return handshake;
}

/** @see Handshakes.findStarter */
export async function findStarter(desk: Desk): Promise<Starter | null> {
  return (await readHandshake(desk, desk.state.read()))?.starter ?? null;
}

/** @see Handshakes.hold */
export async function holdGrant(desk: Desk, codeHash: string, acquired: JsonObject): Promise<void> {
  const sealed = await desk.deps.sealer.seal("handshake", codeHash, JSON.stringify(acquired));
  const record = desk.state.read();
  if (record === null) throw new AppError("invalid_request", "This consent has expired; start again.");
  const expiresAt = addSeconds(desk.deps.now(), HANDSHAKE_SECONDS);
  desk.state.write({ ...record, expiresAt, held: { codeHash, sealed }, unwanted: null });
  desk.state.wakeAt(expiresAt * 1000);
}

/** Hands out what is held, once, to its starter; anyone else spends the code. Null when there is nothing for the caller. */
export async function claimGrant(desk: Desk, codeHash: string, starter: Starter): Promise<Claim | null> {
  const handshake = await readHandshake(desk, desk.state.read());
  const record = desk.state.read();
  if (handshake === null || record?.held == null || record.held.codeHash !== codeHash) return null;
  const { sealed } = record.held;
  if (!isSameStarter(handshake.starter, starter)) {
    // A grant that its starter will never get must not live on.
    putAside(desk, record, sealed, codeHash);
    await endUnwantedGrant(desk);
    return null;
  }
  desk.state.write({ ...record, held: null });
  const plain = await desk.deps.sealer.open("handshake", codeHash, sealed);
  const acquired = plain === null ? null : parseJsonObject(plain);
  return acquired === null ? null : { handshake, acquired };
}

/** The alarm: ends what nobody claimed in time, or what could not be ended before, and forgets the consent. */
export async function wakeDesk(desk: Desk): Promise<void> {
  const record = desk.state.read();
  if (record === null) return;
  if (record.held !== null) putAside(desk, record, record.held.sealed, record.held.codeHash);
  else if (record.unwanted === null) desk.state.clear();
  await endUnwantedGrant(desk);
}

/** The handshake of a record that has not expired; null otherwise. */
async function readHandshake(desk: Desk, record: HandshakeRecord | null): Promise<Handshake | null> {
  return record === null || record.expiresAt <= desk.deps.now() ? null : unsealHandshake(desk, record);
}

function refusedState(): AppError {
  return new AppError("invalid_request", "This consent is unknown, was used before or has expired; start again.");
}

/**
 * The browser must be the one that opened the link and, in mode `session`, be signed in as the starter. In mode `verify`
 * the starter proves itself later, by posting the code.
 */
function requireOwnBrowser(
  handshake: Handshake,
  record: HandshakeRecord,
  browserHash: string | null,
  sessionUser: string | null,
): void {
  const isSameBrowser = browserHash !== null && browserHash === record.browserHash;
  const isSamePerson = handshake.mode === "verify" || sessionUser === handshake.starter.effectiveId;
  if (!isSameBrowser || !isSamePerson) {
    throw new AppError("forbidden", "This consent was started by somebody else, or in another browser.");
  }
}

function isSameStarter(one: Starter, other: Starter): boolean {
  return (
    one.credentialId === other.credentialId &&
    one.effectiveId === other.effectiveId &&
    one.workspaceId === other.workspaceId
  );
}
