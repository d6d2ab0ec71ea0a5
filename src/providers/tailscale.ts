import { z } from "zod";
import { type JsonObject, readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { attempt } from "./attempt.ts";
import { clientCredentials, clientPair } from "./client-credentials.ts";
import type { Acquired, Provider, ProviderContext } from "./provider.ts";
import { keepOrMakePair } from "./ssh-key.ts";
import { deleteAuthKey, ensureTag, listDevices, TAILSCALE_TAG, type Tailnet } from "./tailscale-api.ts";
import { keepOrMakeKey, renewEndingKey } from "./tailscale-auth-key.ts";

const NAME = "Tailscale";
const SSH_COMMENT = "aurora-ssh-key";

const credentials = z.strictObject({
  client_id: clientPair.client_id.min(10),
  client_secret: clientPair.client_secret.min(10),
  tailnet: z
    .string()
    .regex(/^(-|[A-Za-z0-9][A-Za-z0-9.@_+-]{0,253})$/, "must be a tailnet's name, or - for the client's own")
    .default("-"),
});

const client = clientCredentials({
  ...{ name: NAME, credentials, scope: null },
  tokenEndpoint: () => "https://api.tailscale.com/api/v2/oauth/token",
  async identify({ accessToken: token }, given, context) {
    const devices = await listDevices({ name: given.tailnet, token, context });
    const suffix = findSuffix(devices);
    // Its own name tells one tailnet from another; without any device only the client does.
    const account = given.tailnet === "-" ? (suffix ?? given.client_id) : given.tailnet;
    const metadata = { tailnet: account, tailnet_name: suffix ?? account, device_count: devices.length };
    return { account, metadata, found: { account } };
  },
});

/**
 * Tokens for an OAuth client, and with them the keys by which machines join and are entered.
 *
 * Over sixty lines: it keeps three things at Tailscale beside the token, and takes one of them down.
 *
 * @see https://tailscale.com/kb/1215/oauth-clients
 */
export const tailscale = {
  id: "tailscale",
  name: NAME,
  kind: "client_credentials",
  docsUrl: "https://tailscale.com/kb/1215/oauth-clients",
  apiHosts: ["api.tailscale.com"],
  // A client's scopes are set where it is made: devices:core, policy_file, auth_keys.
  ...{ scopes: [], settings: [], authorization: null },
  exposes: ["access_token", "token_type", "expires_at", "ssh_private_key", "ssh_public_key", "auth_key"],
  credentials,
  storable: client.storable,
  connect: client.connect,
  provision,
  async refresh(secret, context) {
    const fresh = await client.refresh(secret, context);
    return { ...fresh, ...(await renewEndingKey(tailnetOf(fresh, context), fresh)) };
  },
  revoke,
} as const satisfies Provider;

/** Our SSH key pair, which outlives reconnects, the tag, and an auth key with it. What fails is said as a warning. */
async function provision(acquired: Acquired, previous: SecretData | null, context: ProviderContext): Promise<Acquired> {
  const { secret } = acquired;
  const tailnet = tailnetOf(secret, context);
  const endOld = (old: SecretData) => revoke(old, context);
  const tag = await attempt(() => ensureTag(tailnet), `${TAILSCALE_TAG} may be missing in the policy file`);
  const key = await attempt(() => keepOrMakeKey(tailnet, secret, previous, endOld), "there is no auth key");
  const warning = [tag.warning, key.warning].filter((sentence) => sentence !== null).join(" ");
  return {
    ...acquired,
    secret: { ...secret, ...(await keepOrMakePair(previous, SSH_COMMENT)), ...key.value },
    metadata: { ...acquired.metadata, ...(warning !== "" && { warning }) },
  };
}

/** Ends our auth key; devices that joined with it stay in the tailnet. */
async function revoke(secret: SecretData, context: ProviderContext): Promise<void> {
  const id = readText(secret, "auth_key_id");
  if (id === null) return;
  const { accessToken: token } = await client.mintOnce(secret, context);
  await deleteAuthKey({ ...tailnetOf(secret, context), token }, id);
}

function tailnetOf(secret: SecretData, context: ProviderContext): Tailnet {
  return { name: readText(secret, "tailnet") ?? "-", token: readText(secret, "access_token") ?? "", context };
}

/** The name all of a tailnet's own devices end in, e.g. `tail1234.ts.net`; null without any. */
function findSuffix(devices: readonly JsonObject[]): string | null {
  const own = devices.find((device) => device["isExternal"] !== true && readText(device, "name")?.includes("."));
  return own === undefined ? null : (readText(own, "name")?.split(".").slice(1).join(".") ?? null);
}
