import { z } from "zod";
import { createSigningKey, type PublicKey, SEED_BYTES, type SigningKey } from "../../domain/ed25519.ts";
import { AppError } from "../../domain/errors.ts";
import { createSecretRef, parseSecretRef, type SecretPlace } from "../../domain/secret-ref.ts";
import type { Deps } from "../deps.ts";

type KeyDeps = Pick<Deps, "secrets" | "settings">;

/** The first signs; the others signed earlier, and what they signed is still to be checked. */
const KeysSchema = z.object({
  keys: z
    .array(
      z.object({
        kty: z.literal("OKP"),
        crv: z.literal("Ed25519"),
        kid: z.string().min(1),
        x: z.string().min(1),
        d: z.string().min(1),
      }),
    )
    .min(1),
});

/**
 * The public halves of every key that signs or has signed checkpoints, the current one first; none before the first.
 *
 * @throws `vault_unavailable`
 */
export async function listCheckpointKeys(deps: KeyDeps): Promise<readonly PublicKey[]> {
  const keys = await readKeys(deps, placeOf(deps));
  return (keys ?? []).map(({ kty, crv, kid, x }) => ({ kty, crv, kid, x }));
}

/**
 * The key that signs checkpoints, made when there is none. Two makers at once agree: Vault takes one of them.
 *
 * @throws `vault_unavailable`
 */
export async function requireCheckpointKey(deps: KeyDeps & Pick<Deps, "random">): Promise<SigningKey> {
  const place = placeOf(deps);
  // Asked before the key is: one that is written in between makes ours a write that is refused.
  const cas = await deps.secrets.readNewestVersion(place);
  const [current] = (await readKeys(deps, place)) ?? [];
  if (current !== undefined) return current;
  const made = await createSigningKey(deps.random(SEED_BYTES));
  if ((await deps.secrets.write(place, { keys: [made] }, cas)) !== null) return made;
  const [theirs] = (await readKeys(deps, place)) ?? [];
  if (theirs === undefined) throw new AppError("vault_unavailable", "The signing key is being made; try again.");
  return theirs;
}

async function readKeys({ secrets }: KeyDeps, place: SecretPlace): Promise<readonly SigningKey[] | null> {
  const stored = await secrets.read(place);
  if (stored === null) return null;
  const parsed = KeysSchema.safeParse(stored.data);
  // Overwriting it could lose a key that signed; what is wrong with it is not repeated.
  if (!parsed.success) throw new AppError("vault_unavailable", "The stored signing key cannot be read.");
  return parsed.data.keys;
}

function placeOf({ settings: { vaultMount, vaultBasePath, environment } }: KeyDeps): SecretPlace {
  const ref = createSecretRef(vaultMount, vaultBasePath, `aurora-${environment}-audit-checkpoint-keys`);
  return parseSecretRef(ref, vaultMount);
}
