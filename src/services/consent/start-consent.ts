import { z } from "zod";
import { AppError } from "../../domain/errors.ts";
import { type ConsentMode, HANDSHAKE_SECONDS, type Starter } from "../../domain/handshake.ts";
import { createId, requireOwnerId } from "../../domain/ids.ts";
import type { Principal } from "../../domain/principal.ts";
import { createRandomText } from "../../domain/random-text.ts";
import type { ConsentChoice, Provider } from "../../providers/provider.ts";
import { requireProvider } from "../connections/connect-account.ts";
import type { Deps } from "../deps.ts";
import { hasSettings, isConfigured } from "../provider-context.ts";
import { type Caller, recordDeed } from "../record-deed.ts";
import { resolveReturnTo } from "./return-to.ts";

const NO_OPTIONS = z.strictObject({});

export interface ConsentRequest {
  readonly returnTo: string | null;
  readonly scopes: readonly string[] | null;
  readonly mode: ConsentMode | null;
  /** What the provider's consent takes beside scopes. Absent: nothing. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface ConsentLink {
  readonly loginUrl: string;
  readonly expiresInSeconds: number;
}

/**
 * Begins a consent and answers the link its browser opens.
 *
 * @throws `not_found` for an unknown provider; `invalid_request` for one of another kind, one that is not configured,
 *         options it does not take, or a `return_to` that leads elsewhere.
 */
export async function startConsent(
  deps: Pick<Deps, "audit" | "handshakes" | "providers" | "providerSettings" | "random" | "settings" | "sha256">,
  caller: Caller,
  providerId: string,
  request: ConsentRequest,
): Promise<ConsentLink> {
  const provider = requireProvider(deps, providerId);
  if (provider.authorization === null) {
    throw new AppError("invalid_request", `${provider.name} has no consent page: connect it by its credentials.`);
  }
  const choice = readChoice(provider, request.options ?? {});
  const needed = provider.authorization.settings?.(choice) ?? [];
  if (!isConfigured(deps, provider) || !hasSettings(deps, needed)) {
    throw new AppError("invalid_request", `${provider.name} is not configured here.`);
  }
  const { principal } = caller;
  const id = createId("hsk", deps.random);
  const ticket = `${id}.${createRandomText(deps.random)}`;
  const handshake = {
    id,
    provider: provider.id,
    mode: request.mode ?? (principal.credential.kind === "session" ? "session" : "verify"),
    starter: starterOf(principal),
    state: `${id}.${createRandomText(deps.random)}`,
    codeVerifier: createRandomText(deps.random),
    redirectUri: `${deps.settings.publicUrl}${provider.authorization.callbackPath}`,
    returnTo: resolveReturnTo(deps.settings, request.returnTo),
    scopes: request.scopes ?? provider.scopes,
    choice,
  };
  if (handshake.mode === "session" && principal.credential.kind !== "session") {
    throw new AppError("invalid_request", "A key has no browser: start the consent in mode verify.");
  }
  await deps.handshakes.start(handshake, await deps.sha256(ticket));
  await recordDeed(deps, caller, "oauth.started", { type: "provider", id: provider.id });
  return { loginUrl: `${deps.settings.publicUrl}/connect/${ticket}`, expiresInSeconds: HANDSHAKE_SECONDS };
}

function readChoice({ name, authorization }: Provider, options: ConsentChoice): ConsentChoice {
  const schema = authorization?.options ?? NO_OPTIONS;
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map(({ path, message }) => ({
    path: ["options", ...path.map(String)].join("."),
    message,
  }));
  throw new AppError("invalid_request", `These are not the options ${name} takes.`, { details });
}

/** Who must finish what this principal starts. */
export function starterOf(principal: Principal): Starter {
  const { credential, id, workspaceId } = principal;
  // An agent's token owns nothing, and has no permission that would bring it here.
  if (credential.kind === "kubectl_token") throw new AppError("forbidden", "An agent's token connects nothing.");
  const credentialId = credential.kind === "session" ? credential.sessionId : credential.keyId;
  return { credentialId, effectiveId: requireOwnerId(id), workspaceId };
}
