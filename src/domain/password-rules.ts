/** NIST's floor for a password that stands alone. Counted in characters, so that no script is favoured. */
export const PASSWORD_MIN_CHARACTERS = 8;
/** bcrypt reads no further: without this rule two passwords that differ after byte 72 would be one. */
export const PASSWORD_MAX_BYTES = 72;

/** What is wrong with a new password, as a sentence; null when it may be used. */
export function findPasswordProblem(password: string): string | null {
  // A lone surrogate has no UTF-8 form: what would be hashed is not what was typed.
  if (!password.isWellFormed()) return "The password must be text.";
  if ([...password].length < PASSWORD_MIN_CHARACTERS) {
    return `The password must have at least ${PASSWORD_MIN_CHARACTERS} characters.`;
  }
  if (!fitsBcrypt(password)) return `The password must be at most ${PASSWORD_MAX_BYTES} bytes long in UTF-8.`;
  return null;
}

/** False for a password no account can have, since bcrypt would compare only its beginning. */
export function fitsBcrypt(password: string): boolean {
  // Every code unit takes at least one byte, so a long text is refused without being encoded.
  return password.length <= PASSWORD_MAX_BYTES && new TextEncoder().encode(password).length <= PASSWORD_MAX_BYTES;
}
