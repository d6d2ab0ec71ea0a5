import { HIDDEN } from "./secret.ts";

/** Credentials that can be told by their look alone. */
const CREDENTIALS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  // A JWT, ours or a provider's.
  /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g,
  /\b(?:aurora|whsec|ghp|gho|glsa|glc|nfp|sk|pk|rk|tskey|dapi|ATATT|ATBB)[_-][\w=+/-]{12,}/g,
  /\bhv[sbr]\.[\w-]{12,}/g,
  /\b(?:ya29\.|1\/\/0|xox[a-z]?[-.]|xapp-|GOCSPX-)[\w./-]{8,}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
];
const HEADER = /\b(bearer|basic|splunk|ssws)\s+[\w.~+/=-]{6,}/gi;
const IN_URL = /(:\/\/)[^\s/@"]+@/g;
const NAMED =
  /((?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|cookie|ticket|connect_code|code_verifier|credential)[\w-]*\\?["']?\s*[:=]\s*\\?["']?)(?!\[secret\])[^\s"'\\,;&}]+/gi;
const EMAIL = /[\w.+-]+@[\w-]+\.[\w.-]+/g;

/** `text` without what looks like a credential or an email address: the last filter, for what should not be there at all. */
export function redact(text: string): string {
  const plain = CREDENTIALS.reduce((left, pattern) => left.replace(pattern, HIDDEN), text);
  return plain
    .replace(HEADER, `$1 ${HIDDEN}`)
    .replace(IN_URL, `$1${HIDDEN}@`)
    .replace(NAMED, `$1${HIDDEN}`)
    .replace(EMAIL, "[email]");
}
