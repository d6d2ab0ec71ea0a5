import type { PasswordHasher } from "../../src/domain/ports/identity.ts";

/** Passwords without bcrypt's cost. `compared` counts the comparisons: each of them takes real time in production. */
export function createFakePasswords(): PasswordHasher & { readonly compared: (string | null)[] } {
  const compared: (string | null)[] = [];
  return {
    compared,
    hash: async (password) => `hash of ${password}`,
    matches: async (password, hash) => {
      compared.push(hash);
      return hash !== null && hash === `hash of ${password}`;
    },
  };
}
