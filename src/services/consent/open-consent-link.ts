import type { Call } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { readHandshakeId } from "../../domain/handshake.ts";
import { createRandomText, toBase64Url } from "../../domain/random-text.ts";
import { requireProvider } from "../connections/connect-account.ts";
import type { Deps } from "../deps.ts";
import { createProviderContext } from "../provider-context.ts";
import { recordRefusedConsent } from "./record-refused-consent.ts";

/** What to do with a browser that opened a consent link. */
export type LinkOpening =
  | { readonly kind: "sign_in" }
  | {
      readonly kind: "consent";
      /** The provider's consent page. */
      readonly location: string;
      readonly cookieName: string;
      /** Binds this browser to the consent; only its SHA-256 is kept. */
      readonly cookieValue: string;
    };

type LinkDeps = Pick<
  Deps,
  | "audit"
  | "browserUrl"
  | "connections"
  | "handshakes"
  | "now"
  | "providers"
  | "providerSettings"
  | "random"
  | "send"
  | "sha256"
>;

/**
 * Opens a consent link: binds the browser and names the provider's page.
 *
 * @param sessionUser The effective id of the browser's session; null when it is signed out.
 * @param readCookie  The browser's cookie of that name, so that opening the link again keeps its binding.
 * @throws `invalid_request` for an unknown, used or expired link; `forbidden` when it is somebody else's.
 */
export async function openConsentLink(
  deps: LinkDeps,
  ticket: string,
  sessionUser: string | null,
  readCookie: (name: string) => string | null,
  call: Call,
): Promise<LinkOpening> {
  const id = readHandshakeId(ticket);
  if (id === null) throw new AppError("invalid_request", "This link was used or has expired; start again.");
  const ticketHash = await deps.sha256(ticket);
  const { mode, starter, provider: providerId } = await deps.handshakes.peek(id, ticketHash);
  if (mode === "session" && sessionUser === null) return { kind: "sign_in" };
  if (mode === "session" && sessionUser !== starter.effectiveId) {
    await recordRefusedConsent(deps, starter.workspaceId, providerId, sessionUser, "forbidden", call);
    throw new AppError("forbidden", "This consent was started by somebody else.");
  }
  const cookieName = bindingCookieName(id);
  const cookieValue = readCookie(cookieName) ?? createRandomText(deps.random);
  const handshake = await deps.handshakes.open(id, ticketHash, await deps.sha256(cookieValue));
  const provider = requireProvider(deps, handshake.provider);
  const scope = { userId: starter.effectiveId, workspaceId: starter.workspaceId };
  const url = await provider.authorization?.authorizeUrl(
    {
      state: handshake.state,
      redirectUri: handshake.redirectUri,
      codeChallenge: await challengeOf(handshake.codeVerifier),
      scopes: handshake.scopes,
      choice: handshake.choice ?? {},
    },
    await createProviderContext(deps, provider, scope),
  );
  if (url === undefined) throw new AppError("invalid_request", `${provider.name} has no consent page.`);
  return { kind: "consent", location: deps.browserUrl(url).href, cookieName, cookieValue };
}

/** One cookie per consent, so that two under way in one browser do not cross. */
export function bindingCookieName(handshakeId: string): string {
  return `__Host-aurora_consent_${handshakeId.slice(-8)}`;
}

/** PKCE S256 (RFC 7636 section 4.2). */
async function challengeOf(verifier: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}
