import type { RandomBytes } from "./ports/clock.ts";

/** 256 random bits. */
const SECRET_BYTES = 32;

/** 43 characters of base64url without padding, from 256 random bits: unguessable, safe in a URL and a header. */
export function createRandomText(random: RandomBytes): string {
  return toBase64Url(random(SECRET_BYTES));
}

/** Base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
