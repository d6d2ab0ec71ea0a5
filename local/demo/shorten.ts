/** Values longer than this under a name that says secret are cut. */
const SHOWN_CHARACTERS = 6;
const SECRET_NAME = /token|secret|password|key|code|ticket|cookie/i;
/** Names that only sound secret. */
const OPEN_NAME = /^(token_type|token_data|error_code|code|access_key_id)$/i;

/** JSON for a person's eyes: one line when it is short, and no whole secret in it. */
export function formatShortened(value: unknown): string {
  const shortened = shorten("", value);
  const line = JSON.stringify(shortened);
  return line.length <= 110 ? line : JSON.stringify(shortened, null, 2);
}

function shorten(name: string, value: unknown): unknown {
  if (typeof value === "string") return isSecret(name) ? cut(value) : value.replace(/\/connect\/.+/, "/connect/…");
  if (Array.isArray(value)) return value.map((entry) => shorten(name, entry));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shorten(key, entry)]));
}

function isSecret(name: string): boolean {
  return SECRET_NAME.test(name) && !OPEN_NAME.test(name);
}

/** The first characters of a secret, enough to tell two apart. */
export function cut(secret: string): string {
  return secret.length <= SHOWN_CHARACTERS
    ? "…"
    : `${secret.slice(0, SHOWN_CHARACTERS)}…${secret.slice(-SHOWN_CHARACTERS)}`;
}
