import { AppError } from "../../domain/errors.ts";
import { isJsonObject, type JsonObject } from "../../domain/json.ts";
import { scopeOf } from "../../domain/principal.ts";
import type { Provider } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import { createProviderContext, isConfigured } from "../provider-context.ts";
import type { Caller } from "../record-deed.ts";
import { provision } from "./provision.ts";
import { storeAndRecord } from "./record-connected.ts";
import type { Choice, Stored } from "./store-acquired.ts";

/** What connecting an account asks for, however its credential comes. */
export type ConnectDeps = Pick<
  Deps,
  | "audit"
  | "connections"
  | "hotCredentials"
  | "keepers"
  | "now"
  | "providers"
  | "providerSettings"
  | "random"
  | "secrets"
  | "send"
  | "settings"
  | "sha256"
>;

/**
 * Connects an account by its credential, after the provider has accepted it.
 *
 * @param body The provider's credentials, and `account`, `shared`.
 * @throws `not_found` for an unknown provider; `invalid_request` for a wrong shape or a provider of another kind;
 *         `provider_rejected` and `provider_unavailable`: nothing is stored.
 */
export async function connectAccount(
  deps: ConnectDeps,
  caller: Caller,
  providerId: string,
  body: JsonObject,
): Promise<Stored> {
  const provider = requireProvider(deps, providerId);
  const { account, shared, ...given } = body;
  if (provider.connect === null || provider.credentials === null) {
    throw new AppError("invalid_request", `${provider.name} is connected through its consent page: use authorize.`);
  }
  if (!isConfigured(deps, provider)) throw new AppError("invalid_request", `${provider.name} is not configured here.`);
  const choice = readChoice(account, shared);
  const credentials = parseCredentials(provider, given);
  const scope = scopeOf(caller.principal);
  const context = await createProviderContext(deps, provider, scope);
  const proven = await provider.connect(credentials, context);
  const acquired = await provision(deps, scope, provider, proven, choice, context);
  return await storeAndRecord(deps, caller, provider, acquired, choice);
}

export function requireProvider(deps: Pick<Deps, "providers">, id: string): Provider {
  const provider = deps.providers.find(id);
  if (provider === null) throw new AppError("not_found", "There is no such provider.");
  return provider;
}

/** `account` and `shared` as a body gave them. @throws `invalid_request` */
export function readChoice(account: unknown, shared: unknown): Choice {
  if (account !== undefined && typeof account !== "string") throw wrong("account", "must be text");
  if (shared !== undefined && typeof shared !== "boolean") throw wrong("shared", "must be true or false");
  return { account: account ?? null, shared: shared ?? null };
}

function parseCredentials(provider: Provider, given: JsonObject): JsonObject {
  const parsed = provider.credentials?.safeParse(given);
  if (parsed?.success && isJsonObject(parsed.data)) return parsed.data;
  const details = (parsed?.error?.issues ?? []).map(({ path, message }) => ({
    path: path.map(String).join("."),
    message,
  }));
  throw new AppError("invalid_request", `These are not the credentials ${provider.name} takes.`, { details });
}

function wrong(path: string, message: string): AppError {
  return new AppError("invalid_request", "The request does not have the expected shape.", {
    details: [{ path, message }],
  });
}
