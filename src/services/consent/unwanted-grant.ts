import { bySystem } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import type { Handshake } from "../../domain/handshake.ts";
import { type JsonObject, parseJsonObject } from "../../domain/json.ts";
import { setGrantAside, tryRevocation, whileTrying } from "../try-revocation.ts";
import { type Desk, type HandshakeRecord, sealHandshake, type UnwantedGrant, unsealHandshake } from "./desk.ts";
import { revokeGrant } from "./revoke-grant.ts";

/** @see Handshakes.discard */
export async function discardGrant(desk: Desk, handshake: Handshake, acquired: JsonObject): Promise<void> {
  // Bound to this consent: what another one's object holds does not open here.
  const sealContext = handshake.id;
  const sealed = await desk.deps.sealer.seal("handshake", sealContext, JSON.stringify(acquired));
  const record = desk.state.read() ?? (await createSpentRecord(desk, handshake));
  putAside(desk, record, sealed, sealContext);
  await endUnwantedGrant(desk);
}

/** Marks what is held, or was given back, as nobody's; the alarm sees to it should this life end. */
export function putAside(desk: Desk, record: HandshakeRecord, sealed: string, sealContext: string): void {
  const now = desk.deps.now();
  desk.state.write({ ...record, held: null, unwanted: { ...setGrantAside(sealed, now), sealContext } });
  desk.state.wakeAt((now + 1) * 1000);
}

/**
 * Ends the unwanted grant, if a try is due, and forgets the consent, which is spent. While the provider is away the
 * alarm tries again for a day; it is recorded when the grant lives on after that, or when the provider refuses.
 */
export async function endUnwantedGrant(desk: Desk): Promise<void> {
  const record = desk.state.read();
  const unwanted = record?.unwanted ?? null;
  if (record === null || unwanted === null || unwanted.retryAt > desk.deps.now()) return;
  waitFor(desk, record, { ...unwanted, ...whileTrying(unwanted, desk.deps.now()) });
  const handshake = await unsealHandshake(desk, record);
  const { waiting, problem } = await tryRevocation(desk.deps, unwanted, () => revoke(desk, handshake, unwanted));
  // A newer one came while this was tried.
  if (desk.state.read()?.unwanted?.sealed !== unwanted.sealed) return;
  if (waiting !== null) return waitFor(desk, record, { ...unwanted, ...waiting });
  desk.state.clear();
  if (problem !== null && handshake !== null) await recordLeftGrant(desk, handshake, problem);
}

function waitFor(desk: Desk, record: HandshakeRecord, unwanted: UnwantedGrant): void {
  desk.state.write({ ...record, unwanted });
  desk.state.wakeAt(unwanted.retryAt * 1000);
}

async function revoke(
  { deps }: Desk,
  handshake: Handshake | null,
  { sealed, sealContext }: UnwantedGrant,
): Promise<void> {
  const plain = await deps.sealer.open("handshake", sealContext, sealed);
  const acquired = plain === null ? null : parseJsonObject(plain);
  if (handshake === null || acquired === null) {
    throw new AppError("misconfigured", "The key it was sealed with was retired.");
  }
  await revokeGrant(deps, handshake, acquired);
}

/** The object has forgotten the consent, so that there is nothing it could be finished with. */
async function createSpentRecord(desk: Desk, handshake: Handshake): Promise<HandshakeRecord> {
  const sealedHandshake = await sealHandshake(desk, handshake);
  const spent = { ticketHash: "", browserHash: null, isTaken: true, held: null, unwanted: null };
  return { sealedHandshake, expiresAt: desk.deps.now(), ...spent };
}

function recordLeftGrant({ deps }: Desk, { provider, starter }: Handshake, code: string): Promise<void> {
  return deps.audit.record(starter.workspaceId, {
    action: "oauth.failed",
    outcome: "failure",
    ...bySystem("consent"),
    resource: { type: "provider", id: provider },
    detail: { reason: "not_revoked", code },
  });
}
