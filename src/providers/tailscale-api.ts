import { AppError } from "../domain/errors.ts";
import { isJsonObject, type JsonObject, readText } from "../domain/json.ts";
import { addSeconds, type EpochSeconds, parseRfc3339 } from "../domain/time.ts";
import { addMember } from "./hujson.ts";
import { probe, requireAcceptance } from "./probe.ts";
import type { ProviderContext } from "./provider.ts";

const NAME = "Tailscale";
export const TAILSCALE_TAG = "tag:aurora";
/** Who may give the tag besides the client itself. */
const TAG_OWNERS = ["autogroup:admin"];
/** Tailscale's longest life of an auth key. */
const KEY_SECONDS = 90 * 86_400;
/** About 700 bytes a device, and a policy file of any size a person keeps: far above the usual limit of an answer. */
const MAX_BYTES = 2 * 1024 * 1024;

/** One tailnet, as one access token sees it. */
export interface Tailnet {
  /** Its name, or `-` for the token's own. */
  readonly name: string;
  readonly token: string;
  readonly context: ProviderContext;
}

/** A key that lets devices join with our tag. */
export interface AuthKey {
  readonly id: string;
  readonly key: string;
  readonly expiresAt: EpochSeconds;
}

/** Every device of the tailnet. @see https://tailscale.com/api#tag/devices/GET/tailnet/{tailnet}/devices */
export async function listDevices(tailnet: Tailnet): Promise<readonly JsonObject[]> {
  const refusals = {
    403: `${NAME} does not let this client list devices: give it the scope devices:core:read.`,
    404: `${NAME} has no such tailnet for this client.`,
  };
  const { context } = tailnet;
  const { devices } = await probe(NAME, call(tailnet, "GET", "devices"), context, refusals, { maxBytes: MAX_BYTES });
  return Array.isArray(devices) ? devices.filter(isJsonObject) : [];
}

/**
 * Makes sure that the policy file has our tag. Its comments stay; a change that came between is read again, once.
 *
 * @see https://tailscale.com/api#tag/policyfile/POST/tailnet/{tailnet}/acl
 */
export async function ensureTag(tailnet: Tailnet): Promise<void> {
  for (const isLast of [false, true]) {
    const { policy, version } = await readPolicy(tailnet);
    const wanted = addMember(policy, ["tagOwners", TAILSCALE_TAG], JSON.stringify(TAG_OWNERS));
    if (wanted === policy) return;
    if (wanted === null) throw new AppError("provider_unavailable", `${NAME} gave no policy file that can be read.`);
    const headers = { "content-type": "application/hujson", "if-match": version };
    const answer = await tailnet.context.send(call(tailnet, "POST", "acl", headers, wanted), { maxBytes: MAX_BYTES });
    if (answer.status === 412 && !isLast) continue;
    if (answer.status === 412) throw new AppError("conflict", `The policy file at ${NAME} is being changed right now.`);
    return requireAcceptance(NAME, answer, tailnet.context);
  }
}

/** Makes a reusable, pre-authorised auth key with our tag. @see https://tailscale.com/api#tag/keys/POST/tailnet/{tailnet}/keys */
export async function createAuthKey(tailnet: Tailnet): Promise<AuthKey> {
  const create = { reusable: true, ephemeral: false, preauthorized: true, tags: [TAILSCALE_TAG] };
  const body = { capabilities: { devices: { create } }, expirySeconds: KEY_SECONDS, description: "Aurora Edge" };
  const request = call(tailnet, "POST", "keys", { "content-type": "application/json" }, JSON.stringify(body));
  const answer = await probe(NAME, request, tailnet.context);
  const [id, key] = [readText(answer, "id"), readText(answer, "key")];
  if (id === null || key === null) throw new AppError("provider_unavailable", `${NAME} gave no auth key.`);
  return {
    id,
    key,
    expiresAt: parseRfc3339(readText(answer, "expires") ?? "") ?? addSeconds(tailnet.context.now, KEY_SECONDS),
  };
}

/** True while Tailscale knows the key and has not ended it. */
export async function isAuthKeyAlive(tailnet: Tailnet, id: string): Promise<boolean> {
  const answer = await tailnet.context.send(call(tailnet, "GET", `keys/${encodeURIComponent(id)}`));
  if (answer.status === 404) return false;
  requireAcceptance(NAME, answer, tailnet.context);
  const body: unknown = await answer.json().catch(() => null);
  // Tailscale's own client reads both; a time that never came is written as the year 1.
  return isJsonObject(body) && body["invalid"] !== true && parseRfc3339(readText(body, "revoked") ?? "") === null;
}

/** Ends a key; one that is gone already is a success. @see https://tailscale.com/api#tag/keys/DELETE/tailnet/{tailnet}/keys/{keyId} */
export async function deleteAuthKey(tailnet: Tailnet, id: string): Promise<void> {
  const answer = await tailnet.context.send(call(tailnet, "DELETE", `keys/${encodeURIComponent(id)}`));
  if (answer.status !== 404) requireAcceptance(NAME, answer, tailnet.context);
}

async function readPolicy(tailnet: Tailnet): Promise<{ readonly policy: string; readonly version: string }> {
  const request = call(tailnet, "GET", "acl", { accept: "application/hujson" });
  const answer = await tailnet.context.send(request, { maxBytes: MAX_BYTES });
  requireAcceptance(NAME, answer, tailnet.context);
  const version = answer.headers.get("etag");
  if (version === null)
    throw new AppError("provider_unavailable", `${NAME} did not say which version the policy file has.`);
  // workerd warns of `text()` on a type it does not know to be text.
  return { policy: new TextDecoder().decode(await answer.arrayBuffer()), version };
}

function call(
  { name, token }: Tailnet,
  method: string,
  path: string,
  headers = {},
  body: string | null = null,
): Request {
  const url = `https://api.tailscale.com/api/v2/tailnet/${encodeURIComponent(name)}/${path}`;
  const all = { accept: "application/json", authorization: `Bearer ${token}`, ...headers };
  return new Request(url, { method, headers: all, body });
}
