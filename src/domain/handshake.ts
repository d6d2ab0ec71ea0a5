import type { HandshakeId, OwnerId, WorkspaceId } from "./ids.ts";

/** Who started a consent: only the same credential, for the same effective user, may finish it. */
export interface Starter {
  /** The session or key, e.g. `ses_…` or `key_…`. */
  readonly credentialId: string;
  readonly effectiveId: OwnerId;
  readonly workspaceId: WorkspaceId;
}

/** `session`: the starter's own browser finishes it. `verify`: nothing is connected until the starter posts the code. */
export type ConsentMode = "session" | "verify";

/** A consent under way. Everything the callback is held against. */
export interface Handshake {
  readonly id: HandshakeId;
  readonly provider: string;
  readonly mode: ConsentMode;
  readonly starter: Starter;
  readonly state: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
  /** Absolute; where the browser goes in the end. */
  readonly returnTo: string;
  readonly scopes: readonly string[];
  /** What was chosen beside the scopes, e.g. a region; absent in a handshake begun by an older version. */
  readonly choice?: Readonly<Record<string, string>>;
}

/** A handshake lives ten minutes (RFC 6749 section 4.1.2 advises that for a code), a connect code another ten. */
export const HANDSHAKE_SECONDS = 600;

/** The handshake id inside a ticket, state or connect code: `hsk_<32 hex>.<secret>`; null when `raw` has no such form. */
export function readHandshakeId(raw: string): HandshakeId | null {
  const match = /^(hsk_[0-9a-f]{32})\.[A-Za-z0-9_-]{43}$/.exec(raw);
  return match === null ? null : (match[1] as HandshakeId);
}
