import { toHex } from "../../domain/ids.ts";
import { type Credential, credentialOf, type SecretData } from "../../domain/token-data.ts";
import { exposedFields, type Keeper, requireRecord, sealSecret } from "./keeper.ts";
import type { Escrow } from "./keeper-state.ts";

const ESCROW_ID_BYTES = 8;

type Origin = Pick<Escrow, "kind" | "grant" | "obtainedAt"> & Partial<Pick<Escrow, "cas" | "writtenVersion" | "facts">>;

/** Seals a secret for safe keeping. Sealing yields: look again before the escrow goes into the record. */
export async function createEscrow(keeper: Keeper, origin: Origin, secret: SecretData): Promise<Escrow> {
  const sealed = await sealSecret(keeper, requireRecord(keeper).binding, secret);
  const id = toHex(keeper.deps.random(ESCROW_ID_BYTES));
  return { id, sealed, cas: null, writtenVersion: null, facts: null, ...origin };
}

/** The credential in an escrow, with the version it will most likely get. */
export function presumeCredential(keeper: Keeper, escrow: Escrow, secret: SecretData): Credential {
  const { binding, version } = requireRecord(keeper);
  const presumed = escrow.writtenVersion ?? (escrow.cas ?? version ?? 0) + 1;
  return credentialOf(secret, presumed, exposedFields(keeper, binding));
}
