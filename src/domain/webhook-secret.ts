import { isJsonObject, type JsonObject, readText } from "./json.ts";
import type { RandomBytes } from "./ports/clock.ts";
import { type EpochSeconds, epochSeconds } from "./time.ts";
import type { WebhookBinding } from "./webhook.ts";

const PREFIX = "whsec_";
const SECRET = /^whsec_(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;
/** The specification asks for 24 to 64. */
const SECRET_BYTES = 32;

/** What a webhook is signed with. In Vault: `{"current": "whsec_…", "previous": [{"secret", "until"}]}`. */
export interface SigningSecrets {
  readonly current: string;
  /** Secrets that were rotated away and sign beside the current one until their grace ends. */
  readonly previous: readonly PreviousSecret[];
}

export interface PreviousSecret {
  readonly secret: string;
  readonly until: EpochSeconds;
}

/** The name of a webhook's secret in Vault. */
export function webhookSecretName(environment: string, { id, workspaceId }: WebhookBinding): string {
  return `aurora-${environment}-${workspaceId}-webhook-${id}-secret`;
}

/** `whsec_` and 256 random bits in base64. */
export function createWebhookSecret(random: RandomBytes): string {
  return `${PREFIX}${toBase64(random(SECRET_BYTES))}`;
}

/** The secrets as Vault holds them; null when it holds something else. */
export function parseSigningSecrets(data: JsonObject): SigningSecrets | null {
  const current = readText(data, "current");
  const previous = Array.isArray(data["previous"]) ? data["previous"] : [];
  return isSecret(current) ? { current, previous: previous.flatMap(parsePrevious) } : null;
}

/** Puts `fresh` in the place of the current secret, which, as those before it, signs no longer than `until`. */
export function rotateSecrets(
  secrets: SigningSecrets | null,
  fresh: string,
  now: EpochSeconds,
  until: EpochSeconds,
): SigningSecrets {
  const old = secrets === null ? [] : [{ secret: secrets.current, until }, ...secrets.previous];
  const previous = old.map((one) => (one.until < until ? one : { ...one, until })).filter((one) => one.until > now);
  return { current: fresh, previous };
}

/** Every secret that signs now, the current one first. */
export function listSigning(secrets: SigningSecrets, now: EpochSeconds): readonly string[] {
  return [secrets.current, ...secrets.previous.filter(({ until }) => until > now).map(({ secret }) => secret)];
}

/**
 * The `webhook-signature` header: one `v1,{base64 of HMAC-SHA256}` for each secret, parted by spaces.
 *
 * @param id        Sent as `webhook-id`; holds no full stop.
 * @param timestamp Sent as `webhook-timestamp`: when this try is made.
 * @param body      The very text that is sent.
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
 */
export async function signWebhook(
  secrets: readonly string[],
  id: string,
  timestamp: EpochSeconds,
  body: string,
): Promise<string> {
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signatures = await Promise.all(secrets.map((secret) => signOne(secret, signed)));
  return signatures.map((signature) => `v1,${signature}`).join(" ");
}

async function signOne(secret: string, signed: Uint8Array): Promise<string> {
  const raw = new Uint8Array(Array.from(atob(secret.slice(PREFIX.length)), (character) => character.charCodeAt(0)));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, signed)));
}

/** Whether it can sign. */
function isSecret(text: string | null): text is string {
  return text !== null && SECRET.test(text);
}

function parsePrevious(raw: unknown): readonly PreviousSecret[] {
  if (!isJsonObject(raw)) return [];
  const secret = readText(raw, "secret");
  const { until } = raw;
  return isSecret(secret) && typeof until === "number" ? [{ secret, until: epochSeconds(until) }] : [];
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
