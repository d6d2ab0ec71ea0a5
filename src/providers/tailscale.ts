import { z } from "zod";
import { AppError, isAppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { clientPair, mintToken, withMinted } from "./client-credentials.ts";
import type { OAuthClient } from "./oauth2.ts";
import type { Acquired, Provider, ProviderContext } from "./provider.ts";
import { createSshKeyPair } from "./ssh-key.ts";
import {
  createAuthKey,
  deleteAuthKey,
  ensureTag,
  isAuthKeyAlive,
  listDevices,
  TAILSCALE_TAG,
  type Tailnet,
} from "./tailscale-api.ts";

const NAME = "Tailscale";
const SSH_COMMENT = "aurora-ssh-key";
/** An auth key with less than this left is replaced: whoever reads it may use it some days later. */
const KEY_MARGIN_SECONDS = 7 * 86_400;

const client = {
  client_id: clientPair.client_id.min(10),
  client_secret: clientPair.client_secret.min(10),
  tailnet: z
    .string()
    .regex(/^(-|[A-Za-z0-9][A-Za-z0-9.@_+-]{0,253})$/, "must be a tailnet's name, or - for the client's own")
    .default("-"),
};
const credentials = z.strictObject(client);
type Credentials = z.output<typeof credentials>;

/** @see https://tailscale.com/kb/1215/oauth-clients */
export const tailscale = {
  id: "tailscale",
  name: NAME,
  kind: "client_credentials",
  docsUrl: "https://tailscale.com/kb/1215/oauth-clients",
  apiHosts: ["api.tailscale.com"],
  // A client's scopes are set where it is made: devices:core, policy_file, auth_keys.
  scopes: [],
  exposes: ["access_token", "token_type", "expires_at", "ssh_private_key", "ssh_public_key", "auth_key"],
  settings: [],
  credentials,
  storable: z.looseObject({ ...client, access_token: z.string().min(1).optional() }),
  authorization: null,
  connect: (raw, context) => connect(credentials.parse(raw), context),
  provision,
  refresh,
  revoke,
} as const satisfies Provider;

async function connect(given: Credentials, context: ProviderContext): Promise<Acquired> {
  const tokens = await mintToken(clientOf(given), null, context, "connect");
  const devices = await listDevices({ name: given.tailnet, token: tokens.accessToken, context });
  const suffix = findSuffix(devices);
  // Its own name tells one tailnet from another; without any device only the client does.
  const account = given.tailnet === "-" ? (suffix ?? given.client_id) : given.tailnet;
  return {
    secret: { ...withMinted(given, tokens), account },
    account,
    upstreamAccount: null,
    scopes: tokens.scope?.split(" ") ?? [],
    metadata: { tailnet: account, tailnet_name: suffix ?? account, device_count: devices.length },
  };
}

/** Our SSH key pair, which outlives reconnects, the tag, and an auth key with it. What fails is said as a warning. */
async function provision(acquired: Acquired, previous: SecretData | null, context: ProviderContext): Promise<Acquired> {
  const tailnet = tailnetOf(acquired.secret, context);
  const tag = await attempt(() => ensureTag(tailnet), `${TAILSCALE_TAG} may be missing in the policy file`);
  const key = await attempt(() => keepOrMakeKey(tailnet, acquired.secret, previous), "there is no auth key");
  const warning = [tag.warning, key.warning].filter((sentence) => sentence !== null).join(" ");
  return {
    ...acquired,
    secret: { ...acquired.secret, ...(await keepOrMakePair(previous)), ...key.value },
    metadata: { ...acquired.metadata, ...(warning !== "" && { warning }) },
  };
}

/** Mints again, and replaces the auth key when its end is near. One that was never there waits for a reconnect. */
async function refresh(secret: SecretData, context: ProviderContext): Promise<SecretData> {
  const fresh = withMinted(secret, await mintToken(clientOf(requireClient(secret)), null, context, "refresh"));
  if (readText(secret, "auth_key_id") === null || !isEnding(secret, context)) return fresh;
  const tailnet = tailnetOf(fresh, context);
  // Until the old key has ended the next refresh tries again.
  const { value } = await attempt(() => replaceKey(tailnet, fresh), "");
  return { ...fresh, ...value };
}

/** Ends our auth key; devices that joined with it stay in the tailnet. */
async function revoke(secret: SecretData, context: ProviderContext): Promise<void> {
  const id = readText(secret, "auth_key_id");
  if (id === null) return;
  const { accessToken } = await mintToken(clientOf(requireClient(secret)), null, context, "connect");
  await deleteAuthKey({ ...tailnetOf(secret, context), token: accessToken }, id);
}

async function keepOrMakePair(previous: SecretData | null): Promise<SecretData> {
  const [kept, keptPublic] = [previous?.["ssh_private_key"], previous?.["ssh_public_key"]];
  if (typeof kept === "string" && typeof keptPublic === "string") {
    return { ssh_private_key: kept, ssh_public_key: keptPublic };
  }
  const { privateKey, publicKey } = await createSshKeyPair(SSH_COMMENT);
  return { ssh_private_key: privateKey, ssh_public_key: publicKey };
}

async function keepOrMakeKey(tailnet: Tailnet, secret: SecretData, previous: SecretData | null): Promise<SecretData> {
  const id = previous && readText(previous, "auth_key_id");
  if (previous === null || id === null) return makeKey(tailnet);
  const isSame = previous["account"] === secret["account"];
  const { auth_key, auth_key_id, auth_key_expires_at } = previous;
  if (isSame && !isEnding(previous, tailnet.context) && (await isAuthKeyAlive(tailnet, id))) {
    return { auth_key, auth_key_id, auth_key_expires_at };
  }
  if (isSame) return replaceKey(tailnet, previous);
  const made = await makeKey(tailnet);
  // The old key is another tailnet's: its own client ends it. If that client is gone, the key ends in its own time.
  await attempt(() => revoke(previous, tailnet.context), "");
  return made;
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

/** What came of `work`, or why nothing did. */
async function attempt<Value>(work: () => Promise<Value>, consequence: string) {
  try {
    return { value: await work(), warning: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { value: null, warning: `${error.message.replace(/\.$/, "")}; ${consequence}.` };
  }
}

function requireClient(secret: SecretData): Credentials {
  const given = z.object(client).safeParse(secret);
  if (given.success) return given.data;
  throw new AppError("reauth_required", "The stored OAuth client is incomplete. Connect it again.");
}

function clientOf({ client_id, client_secret }: Credentials): OAuthClient {
  const tokenEndpoint = "https://api.tailscale.com/api/v2/oauth/token";
  const clientAuth = "client_secret_post";
  return { name: NAME, clientId: client_id, clientSecret: client_secret, clientAuth, tokenEndpoint, issuer: null };
}

function tailnetOf(secret: SecretData, context: ProviderContext): Tailnet {
  return { name: readText(secret, "tailnet") ?? "-", token: readText(secret, "access_token") ?? "", context };
}

/** The name all of a tailnet's own devices end in, e.g. `tail1234.ts.net`; null without any. */
function findSuffix(devices: readonly JsonObject[]): string | null {
  const own = devices.find((device) => device["isExternal"] !== true && readText(device, "name")?.includes("."));
  return own === undefined ? null : (readText(own, "name")?.split(".").slice(1).join(".") ?? null);
}
