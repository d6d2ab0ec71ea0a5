import type { Permission } from "./permissions.ts";
import type { RandomBytes } from "./ports/clock.ts";
import { createRandomText } from "./random-text.ts";

const PREFIX = "aurora_kubectl_";
/** 32 bytes in base64url without padding are 43 characters. */
const FORMAT = /^aurora_kubectl_[A-Za-z0-9_-]{43}$/;

/** What every such token may do, whoever made it. */
export const KUBECTL_PERMISSIONS = ["connections:read", "tokens:read"] as const satisfies readonly Permission[];

/** A new token, `aurora_kubectl_` and 43 characters of base64url from 256 random bits. Shown once, never stored. */
export function createKubectlSecret(random: RandomBytes): string {
  return `${PREFIX}${createRandomText(random)}`;
}

/** False for text that cannot be a token of ours, so that it costs no look-up. */
export function isKubectlSecret(raw: string): boolean {
  return FORMAT.test(raw);
}
