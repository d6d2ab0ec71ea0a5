import { createHash, randomBytes } from "node:crypto";
import type { SandboxContext } from "../provider.ts";

/** Opaque access tokens of one provider, by what they stand for; kept as digests. */
export function createIssuedTokens({ state, now }: SandboxContext, provider: string) {
  // The keys of the state are listed in memory and need not be the tokens themselves.
  const keyOf = (token: string) => `${provider}/token/${createHash("sha256").update(token).digest("base64url")}`;
  return {
    issue(prefix: string, holder: string, lifeSeconds: number): string {
      const token = `${prefix}${randomBytes(32).toString("base64url")}`;
      state.set(keyOf(token), holder, now() + lifeSeconds * 1000);
      return token;
    },
    /** Null for an unknown or expired token. */
    find(token: string | null): string | null {
      const holder = token === null ? null : state.get(keyOf(token));
      return typeof holder === "string" ? holder : null;
    },
  };
}
