import { toBase64Url } from "./random-text.ts";

/** An Ed25519 key as a JSON Web Key. @see https://www.rfc-editor.org/rfc/rfc8037#section-2 */
export interface PublicKey {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** Its thumbprint (RFC 7638): whoever has the key can check its name. */
  readonly kid: string;
  /** The public key, base64url. */
  readonly x: string;
}

/** With `d`, the secret half. */
export interface SigningKey extends PublicKey {
  readonly d: string;
}

/** What an Ed25519 seed is preceded by in PKCS #8 (RFC 8410 section 7). */
const PKCS8_PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/** How many random bytes make a key. */
export const SEED_BYTES = 32;

/** The key pair of a seed of {@link SEED_BYTES} random bytes. */
export async function createSigningKey(seed: Uint8Array): Promise<SigningKey> {
  const pkcs8 = Uint8Array.from([...PKCS8_PREFIX, ...seed]);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, true, ["sign"]);
  const exported = await crypto.subtle.exportKey("jwk", key);
  if (exported instanceof ArrayBuffer || exported.x === undefined) throw new Error("a JWK names its public half");
  const { x } = exported;
  return { kty: "OKP", crv: "Ed25519", kid: await thumbprint(x), x, d: toBase64Url(seed) };
}

/** Signs the UTF-8 bytes of `text`: base64url without padding. */
export async function signText({ kty, crv, x, d }: SigningKey, text: string): Promise<string> {
  const key = await crypto.subtle.importKey("jwk", { kty, crv, x, d }, { name: "Ed25519" }, false, ["sign"]);
  return toBase64Url(new Uint8Array(await crypto.subtle.sign("Ed25519", key, new TextEncoder().encode(text))));
}

/** @see https://www.rfc-editor.org/rfc/rfc8037#appendix-A.3 */
async function thumbprint(x: string): Promise<string> {
  const members = new TextEncoder().encode(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`);
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", members)));
}
