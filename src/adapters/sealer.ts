import { toHex } from "../domain/ids.ts";
import type { Sealer, SealPurpose } from "../domain/ports/sealer.ts";
import type { Secret } from "../domain/secret.ts";

/** AES-GCM's nonce. @see https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf section 8.2 */
const NONCE_BYTES = 12;
/** Enough of SHA-256(key) to find a key in a ring of a few. */
const KEY_ID_BYTES = 4;

interface RingKey {
  readonly id: string;
  readonly material: CryptoKey;
}

/**
 * A sealer over a key ring.
 *
 * The sealed text is `{key id}.{base64 of nonce ‖ ciphertext}`. Each purpose has its own AES-256 key,
 * derived by HKDF-SHA-256 (RFC 5869), so that a text sealed for one purpose never opens as another.
 *
 * @param ring 32-byte keys, the current one first.
 */
export function createSealer(ring: readonly Secret<Uint8Array>[], random: (bytes: number) => Uint8Array): Sealer {
  const keys = Promise.all(ring.map((key) => importKey(key.reveal())));

  return {
    async seal(purpose, context, plain) {
      const [current] = await keys;
      if (current === undefined) throw new Error("the key ring is empty");
      const nonce = random(NONCE_BYTES);
      const key = await derive(current, purpose);
      const algorithm = { name: "AES-GCM", iv: nonce, additionalData: encode(context) };
      const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, encode(plain)));
      return `${current.id}.${toBase64(nonce)}.${toBase64(sealed)}`;
    },

    async open(purpose, context, sealed) {
      const [keyId, nonce, ciphertext] = sealed.split(".");
      const key = (await keys).find(({ id }) => id === keyId);
      if (key === undefined || nonce === undefined || ciphertext === undefined) return null;
      try {
        const algorithm = { name: "AES-GCM", iv: fromBase64(nonce), additionalData: encode(context) };
        const plain = await crypto.subtle.decrypt(algorithm, await derive(key, purpose), fromBase64(ciphertext));
        return new TextDecoder().decode(plain);
      } catch {
        return null; // Changed, planted or of another context: the same to whoever asks.
      }
    },
  };
}

async function importKey(bytes: Uint8Array): Promise<RingKey> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const material = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
  return { id: toHex(digest.slice(0, KEY_ID_BYTES)), material };
}

function derive(key: RingKey, purpose: SealPurpose): Promise<CryptoKey> {
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encode(`aurora-edge/${purpose}`) };
  return crypto.subtle.deriveKey(algorithm, key.material, { name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
