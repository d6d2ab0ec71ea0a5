import { toHex } from "./ids.ts";

/** 256 bits: no one guesses a key, so a fast hash protects it at rest. */
const KEY_BYTES = 32;
/** Names a key in lists and logs; random of its own, so that it says nothing about the key. */
const PREFIX_BYTES = 6;
/** 32 bytes in base64url without padding are 43 characters. */
const KEY_FORMAT = /^aurora_[A-Za-z0-9_-]{43}$/;

/** A new key, `aurora_` and 43 characters of base64url. Shown once, never stored. */
export function createApiKeySecret(random: (bytes: number) => Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...random(KEY_BYTES)));
  return `aurora_${base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** What a key is called where people see it: `ak_` and 12 hex digits. */
export function createKeyPrefix(random: (bytes: number) => Uint8Array): string {
  return `ak_${toHex(random(PREFIX_BYTES))}`;
}

/** False for text that cannot be a key of ours, so that it costs no look-up. */
export function isApiKeySecret(raw: string): boolean {
  return KEY_FORMAT.test(raw);
}
