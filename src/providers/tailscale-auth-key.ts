import { readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { attempt } from "./attempt.ts";
import type { ProviderContext } from "./provider.ts";
import { createAuthKey, deleteAuthKey, isAuthKeyAlive, type Tailnet } from "./tailscale-api.ts";

/** An auth key with less than this left is replaced: whoever reads it may use it some days later. */
const KEY_MARGIN_SECONDS = 7 * 86_400;

/**
 * The fields of our auth key: the one of the secret that is replaced while it lives, else a new one.
 *
 * @param endOld Ends the key of another tailnet, with that tailnet's own client.
 */
export async function keepOrMakeKey(
  tailnet: Tailnet,
  secret: SecretData,
  previous: SecretData | null,
  endOld: (previous: SecretData) => Promise<void>,
): Promise<SecretData> {
  const id = previous && readText(previous, "auth_key_id");
  if (previous === null || id === null) return makeKey(tailnet);
  const isSame = previous["account"] === secret["account"];
  const { auth_key, auth_key_id, auth_key_expires_at } = previous;
  if (isSame && !isEnding(previous, tailnet.context) && (await isAuthKeyAlive(tailnet, id))) {
    return { auth_key, auth_key_id, auth_key_expires_at };
  }
  if (isSame) return replaceKey(tailnet, previous);
  const made = await makeKey(tailnet);
  // If the old client is gone, the key ends in its own time.
  await attempt(() => endOld(previous), "");
  return made;
}

/** A new key in the place of one whose end is near; null otherwise. One that was never there waits for a reconnect. */
export async function renewEndingKey(tailnet: Tailnet, secret: SecretData): Promise<SecretData | null> {
  if (readText(secret, "auth_key_id") === null || !isEnding(secret, tailnet.context)) return null;
  // Until the old key has ended the next refresh tries again.
  return (await attempt(() => replaceKey(tailnet, secret), "")).value;
}

async function replaceKey(tailnet: Tailnet, old: SecretData): Promise<SecretData> {
  const made = await makeKey(tailnet);
  // It has days left at most: what is lost by a failure is its earlier end.
  await attempt(() => deleteAuthKey(tailnet, readText(old, "auth_key_id") ?? ""), "");
  return made;
}

async function makeKey(tailnet: Tailnet): Promise<SecretData> {
  const { id, key, expiresAt } = await createAuthKey(tailnet);
  return { auth_key: key, auth_key_id: id, auth_key_expires_at: expiresAt };
}

function isEnding(secret: SecretData, { now }: ProviderContext): boolean {
  const expiresAt = secret["auth_key_expires_at"];
  return typeof expiresAt !== "number" || expiresAt - now < KEY_MARGIN_SECONDS;
}
