import type { Handshake } from "../../domain/handshake.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";
import type { UnrevokedGrant } from "../try-revocation.ts";

/** One consent under way, as its object keeps it. What matters is sealed; the rest decides who may go on. */
export interface HandshakeRecord {
  readonly sealedHandshake: string;
  readonly ticketHash: string;
  readonly expiresAt: EpochSeconds;
  /** SHA-256 (hex) of the browser's binding cookie; null until the link was opened. */
  readonly browserHash: string | null;
  readonly isTaken: boolean;
  /** What the provider gave, until its starter posts the code; `sealed` with the code's hash as its context. */
  readonly held: { readonly codeHash: string; readonly sealed: string } | null;
  /** What the provider gave and no connection will hold, until the provider has ended it; never beside `held`. */
  readonly unwanted: UnwantedGrant | null;
}

export interface UnwantedGrant extends UnrevokedGrant {
  readonly sealContext: string;
}

/** The object's own storage; synchronous, so a check and the mark after it cannot be separated. */
export interface HandshakeState {
  read(): HandshakeRecord | null;
  write(record: HandshakeRecord): void;
  clear(): void;
  wakeAt(atMs: number): void;
}

export interface Desk {
  readonly deps: Pick<
    Deps,
    "audit" | "connections" | "now" | "providers" | "providerSettings" | "random" | "sealer" | "send" | "sha256"
  >;
  readonly state: HandshakeState;
}

export function sealHandshake({ deps }: Desk, handshake: Handshake): Promise<string> {
  return deps.sealer.seal("handshake", "handshake", JSON.stringify(handshake));
}

/** The handshake of a record, expired or not; null when its sealing key was retired. */
export async function unsealHandshake({ deps }: Desk, record: HandshakeRecord): Promise<Handshake | null> {
  const plain = await deps.sealer.open("handshake", "handshake", record.sealedHandshake);
  // Sealed by us a moment ago: its shape is ours.
  return plain === null ? null : (JSON.parse(plain) as Handshake);
}
