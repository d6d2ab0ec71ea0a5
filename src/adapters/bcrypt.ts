import { compare, hash } from "bcryptjs";
import { fitsBcrypt } from "../domain/password-rules.ts";
import type { PasswordHasher } from "../domain/ports/identity.ts";

/** `$2b$`, a cost we would ever have used, 22 characters of salt and 31 of hash. */
const HASH_FORMAT = /^\$2[aby]\$(?:0[4-9]|1[0-2])\$[./A-Za-z0-9]{53}$/;
const SALT_AND_HASH_CHARACTERS = 53;

/**
 * Passwords by bcrypt.
 *
 * The caller checks a new password's length first: bcrypt ignores what comes after byte 72.
 *
 * @param rounds The cost of new hashes, 10 to 12; each step doubles the time.
 */
export function createPasswordHasher(rounds: number): PasswordHasher {
  // Well formed but made from no password, so comparing costs what a real comparison costs and never succeeds.
  const dummy = `$2b$${String(rounds).padStart(2, "0")}$${".".repeat(SALT_AND_HASH_CHARACTERS)}`;

  return {
    hash: (password) => hash(password, rounds),
    matches: async (password, stored) => {
      const canMatch = stored !== null && HASH_FORMAT.test(stored) && fitsBcrypt(password);
      const isSame = await compare(canMatch ? password : "", canMatch ? stored : dummy);
      return canMatch && isSame;
    },
  };
}
