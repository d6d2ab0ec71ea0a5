import type { SecretData } from "../domain/token-data.ts";

/** A key pair in OpenSSH's own formats, as `ssh-keygen -t ed25519` writes them. */
export interface SshKeyPair {
  /** `-----BEGIN OPENSSH PRIVATE KEY----- …`, without a passphrase. */
  readonly privateKey: string;
  /** One line: `ssh-ed25519 AAAA… comment`. */
  readonly publicKey: string;
}

const ALGORITHM = "ssh-ed25519";
const SEED_BYTES = 32;
const CHECK_BYTES = 4;
/** The private part is padded to the block size of its cipher, which is 8 for `none`. */
const BLOCK_BYTES = 8;
const LINE_CHARACTERS = 70;

/** Makes a new Ed25519 key pair. @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key */
export async function createSshKeyPair(comment: string): Promise<SshKeyPair> {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("Ed25519 makes a pair");
  const publicBytes = await exportBytes("raw", pair.publicKey);
  // The seed is the end of the PKCS #8 form (RFC 8410 section 7).
  const seed = (await exportBytes("pkcs8", pair.privateKey)).slice(-SEED_BYTES);
  const blob = join(field(ALGORITHM), field(publicBytes));
  return {
    privateKey: formatPrivateKey(publicBytes, seed, blob, comment),
    publicKey: `${ALGORITHM} ${toBase64(blob)} ${comment}`,
  };
}

/** The pair of the secret that is replaced, as its fields, because its public half is on people's machines; else a new one. */
export async function keepOrMakePair(previous: SecretData | null, comment: string): Promise<SecretData> {
  const [kept, keptPublic] = [previous?.["ssh_private_key"], previous?.["ssh_public_key"]];
  if (typeof kept === "string" && typeof keptPublic === "string") {
    return { ssh_private_key: kept, ssh_public_key: keptPublic };
  }
  const { privateKey, publicKey } = await createSshKeyPair(comment);
  return { ssh_private_key: privateKey, ssh_public_key: publicKey };
}

function formatPrivateKey(publicBytes: Uint8Array, seed: Uint8Array, blob: Uint8Array, comment: string): string {
  // Twice the same four bytes: they tell a wrong passphrase from a right one, and there is none here.
  const check = publicBytes.slice(0, CHECK_BYTES);
  const secret = join(
    check,
    check,
    field(ALGORITHM),
    field(publicBytes),
    field(join(seed, publicBytes)),
    field(comment),
  );
  const padding = Uint8Array.from({ length: -secret.length & (BLOCK_BYTES - 1) }, (_, index) => index + 1);
  const body = join(
    ...[encode("openssh-key-v1\0"), field("none"), field("none"), field("")],
    ...[uint32(1), field(blob), field(join(secret, padding))],
  );
  const lines = toBase64(body).match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g")) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

async function exportBytes(format: "raw" | "pkcs8", key: CryptoKey): Promise<Uint8Array> {
  const exported = await crypto.subtle.exportKey(format, key);
  if (!(exported instanceof ArrayBuffer)) throw new Error("these formats are bytes");
  return new Uint8Array(exported);
}

/** An SSH `string`: its length in four bytes, then itself (RFC 4251 section 5). */
function field(content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === "string" ? encode(content) : content;
  return join(uint32(bytes.length), bytes);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
