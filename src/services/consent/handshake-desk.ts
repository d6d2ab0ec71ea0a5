import { AppError } from "../../domain/errors.ts";
import { HANDSHAKE_SECONDS, type Handshake, type Starter } from "../../domain/handshake.ts";
import { type JsonObject, parseJsonObject } from "../../domain/json.ts";
import type { CallbackEvidence } from "../../domain/ports/handshakes.ts";
import { addSeconds, type EpochSeconds } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";

/** One consent under way, as its object keeps it. What matters is sealed; the rest decides who may go on. */
export interface HandshakeRecord {
  readonly sealedHandshake: string;
  readonly ticketHash: string;
  readonly expiresAt: EpochSeconds;
  /** SHA-256 (hex) of the browser's binding cookie; null until the link was opened. */
  readonly browserHash: string | null;
  readonly isTaken: boolean;
  readonly held: { readonly codeHash: string; readonly sealed: string } | null;
}

/** The object's own storage; synchronous, so a check and the mark after it cannot be separated. */
export interface HandshakeState {
  read(): HandshakeRecord | null;
  write(record: HandshakeRecord): void;
  clear(): void;
  wakeAt(atMs: number): void;
}

export interface Desk {
  readonly deps: Pick<Deps, "now" | "sealer" | "sha256">;
  readonly state: HandshakeState;
}

/** Keeps a new consent for ten minutes. */
export async function startHandshake(desk: Desk, handshake: Handshake, ticketHash: string): Promise<void> {
  const expiresAt = addSeconds(desk.deps.now(), HANDSHAKE_SECONDS);
  const sealedHandshake = await desk.deps.sealer.seal("handshake", "handshake", JSON.stringify(handshake));
  desk.state.write({ sealedHandshake, ticketHash, expiresAt, browserHash: null, isTaken: false, held: null });
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
  desk.state.write({ ...record, expiresAt, held: { codeHash, sealed } });
  desk.state.wakeAt(expiresAt * 1000);
}

/** What came of a claim: `isOwner` false means the code is spent and the grant must be revoked. */
export interface Claim {
  readonly handshake: Handshake;
  readonly acquired: JsonObject;
  readonly isOwner: boolean;
}

/** Hands out what is held, once. Null when there is nothing by that code. */
export async function claimGrant(desk: Desk, codeHash: string, starter: Starter): Promise<Claim | null> {
  const handshake = await readHandshake(desk, desk.state.read());
  const record = desk.state.read();
  if (handshake === null || record?.held == null || record.held.codeHash !== codeHash) return null;
  desk.state.write({ ...record, held: null });
  const acquired = await openHeld(desk, record.held);
  return acquired === null ? null : { handshake, acquired, isOwner: isSameStarter(handshake.starter, starter) };
}

/** What nobody claimed in time, to be revoked; the record is forgotten. */
export async function expireHandshake(desk: Desk): Promise<Omit<Claim, "isOwner"> | null> {
  const record = desk.state.read();
  if (record === null) return null;
  const handshake = await openSealed(desk, record);
  const acquired = record.held === null ? null : await openHeld(desk, record.held);
  desk.state.clear();
  return handshake === null || acquired === null ? null : { handshake, acquired };
}

/** The handshake of a record that has not expired; null otherwise. */
async function readHandshake(desk: Desk, record: HandshakeRecord | null): Promise<Handshake | null> {
  return record === null || record.expiresAt <= desk.deps.now() ? null : openSealed(desk, record);
}

async function openSealed(desk: Desk, record: HandshakeRecord): Promise<Handshake | null> {
  const plain = await desk.deps.sealer.open("handshake", "handshake", record.sealedHandshake);
  // Sealed by us a moment ago: its shape is ours.
  return plain === null ? null : (JSON.parse(plain) as Handshake);
}

async function openHeld(desk: Desk, held: { codeHash: string; sealed: string }): Promise<JsonObject | null> {
  const plain = await desk.deps.sealer.open("handshake", held.codeHash, held.sealed);
  return plain === null ? null : parseJsonObject(plain);
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
