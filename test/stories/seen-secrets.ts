/** Everything secret that went over the wire in the stories of one file. */
const seen = new Set<string>();

/** Members of a body that hold a secret. */
const SECRET_NAME = /password|token|secret|key|cookie|ticket|_code$|json$|^d$/i;
/** Names that look like one: ids, kinds, addresses, lists of names, and what is public. */
const PUBLIC_NAME = /_id$|Id$|_ur[il]$|_endpoint$|_method$|^keys$|^access_key$|public_key|prefix|token_type|expires/;
/** Parameters of our addresses and the providers'. */
const SECRET_PARAMETERS = ["code", "state", "connect_code", "ticket", "token", "access_token", "api_key"];
const TICKET_PATH = /\/connect\/([^/?]+)/;
/** What is shorter is a word, e.g. `bearer`. */
const MIN_CHARACTERS = 12;

/** What was noted so far. */
export function seenSecrets(): readonly string[] {
  return [...seen];
}

/** Notes the secrets in a body, by the names of its members, or in an address. */
export function noteSecrets(value: unknown): void {
  for (const secret of secretsIn(value)) seen.add(secret);
}

/** The secrets in a body, by the names of its members; those in addresses as well. */
export function secretsIn(value: unknown, isSecret = false): readonly string[] {
  if (typeof value === "string") return [...secretsInAddress(value), ...(isSecret ? secretsInText(value) : [])];
  if (Array.isArray(value)) return value.flatMap((item) => secretsIn(item, isSecret));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    secretsIn(member, SECRET_NAME.test(name) && !PUBLIC_NAME.test(name)),
  );
}

/** Also what a secret is made of: the random part of a token or a ticket, the lines of a key. */
function secretsInText(text: string): readonly string[] {
  if (text.startsWith("{")) return secretsIn(JSON.parse(text));
  const parts = [text, text.replace(/^aurora_(kubectl_)?/, ""), ...text.split(".").slice(1), ...text.split(/\s+/)];
  return parts.filter(({ length }) => length >= MIN_CHARACTERS);
}

function secretsInAddress(text: string): readonly string[] {
  const url = /^https?:/.test(text) ? URL.parse(text) : null;
  if (url === null) return [];
  const parameters = SECRET_PARAMETERS.flatMap((name) => url.searchParams.getAll(name));
  return [...parameters, TICKET_PATH.exec(url.pathname)?.[1] ?? ""].flatMap(secretsInText);
}
