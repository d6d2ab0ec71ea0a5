import { AppError } from "../../domain/errors.ts";
import type { StoredSecret } from "../../domain/ports/secret-store.ts";
import type { SecretPlace } from "../../domain/secret-ref.ts";
import { expiryOf, grantOf, issuedAtOf, type SecretData } from "../../domain/token-data.ts";
import { isOvertaken, type Keeper, placeOf, requireRecord, updateRecord } from "./keeper.ts";
import type { Escrow } from "./keeper-state.ts";

/** What the store's newest version is after a write: ours, or one that somebody else wrote and that stays. */
export interface Written {
  readonly version: number;
  readonly secret: SecretData;
  readonly isOurs: boolean;
}

/** Another writer may get in between a read and our write again and again; after this many it is an outage. */
const MAX_ATTEMPTS = 5;

/**
 * Writes an escrowed secret with check-and-set.
 *
 * A conflict is read: our own write whose answer was lost counts as done; the same grant: the newer wins, ours is
 * never dropped for an older one; another grant: theirs stays, ours is dropped and not revoked. A consent replaces
 * whatever is there.
 *
 * @returns null when a newer secret or a disconnect overtook the escrow.
 * @throws `vault_unavailable`; the escrow stays and trying again is safe.
 */
export async function writeSecret(keeper: Keeper, escrow: Escrow, secret: SecretData): Promise<Written | null> {
  const place = placeOf(keeper, requireRecord(keeper).binding);
  const { secrets } = keeper.deps;
  let cas = escrow.cas ?? (await readFirstCas(keeper, escrow, place));
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (isOvertaken(keeper, escrow)) return null;
    const version = await secrets.write(place, secret, cas);
    if (version !== null) return { version, secret, isOurs: true };
    const current = await secrets.read(place);
    if (current !== null && isSameSecret(current.data, secret)) {
      return { version: current.version, secret, isOurs: true };
    }
    if (current !== null && staysInPlace(current, escrow, secret)) {
      return { version: current.version, secret: current.data, isOurs: false };
    }
    cas = current?.version ?? (await secrets.readNewestVersion(place));
  }
  throw new AppError("vault_unavailable", "The secret changes faster than it can be written; try again.");
}

/** Remembered, so that a write whose answer was lost is recognised instead of written twice. */
async function readFirstCas(keeper: Keeper, escrow: Escrow, place: SecretPlace): Promise<number> {
  const cas = await keeper.deps.secrets.readNewestVersion(place);
  if (!isOvertaken(keeper, escrow)) updateRecord(keeper, { escrow: { ...escrow, cas } });
  return cas;
}

function staysInPlace(current: StoredSecret, escrow: Escrow, ours: SecretData): boolean {
  if (escrow.kind === "consent") return false;
  return grantOf(current.data) !== escrow.grant || isNewer(current.data, ours);
}

function isSameSecret(one: SecretData, other: SecretData): boolean {
  return JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());
}

/** Of two secrets of one grant: the one issued later, or in the same second the one that lives longer. */
function isNewer(one: SecretData, other: SecretData): boolean {
  const lead = issuedAtOf(one) - issuedAtOf(other);
  return lead === 0 ? (expiryOf(one) ?? 0) > (expiryOf(other) ?? 0) : lead > 0;
}
