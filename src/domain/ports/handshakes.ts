import type { Handshake, Starter } from "../handshake.ts";
import type { HandshakeId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { Outcome } from "../outcome.ts";

/** What the browser shows at the callback. */
export interface CallbackEvidence {
  readonly state: string;
  readonly provider: string;
  readonly redirectUri: string;
  /** The binding cookie's value; null when the browser has none. */
  readonly browser: string | null;
  /** The effective id of the browser's session; null when it is signed out. */
  readonly sessionUser: string | null;
}

/** What was held, and the consent it came from. */
export interface Claim {
  readonly handshake: Handshake;
  readonly acquired: JsonObject;
}

/** Consents under way, one object each, gone after ten minutes. Refusals are thrown as AppError. */
export interface Handshakes {
  /** @param ticketHash SHA-256 (hex) of the ticket. */
  start(handshake: Handshake, ticketHash: string): Promise<void>;
  /**
   * Opens the link: binds the browser, again as often as it is opened, until the state is taken.
   *
   * @throws `invalid_request` when the ticket is unknown, expired or its state was taken.
   */
  open(id: HandshakeId, ticketHash: string, browserHash: string): Promise<Handshake>;
  /** The handshake behind a ticket, without binding a browser. @throws as `open`. */
  peek(id: HandshakeId, ticketHash: string): Promise<Handshake>;
  /**
   * Takes the state, once. @throws `invalid_request` (unknown, reused, expired, another provider or redirect URI);
   * `forbidden` (another browser or another person), which leaves the state to its owner.
   */
  take(id: HandshakeId, evidence: CallbackEvidence): Promise<Handshake>;
  /** Who started it; null once it is forgotten. */
  findStarter(id: HandshakeId): Promise<Starter | null>;
  /** Keeps what the provider gave, sealed, until its starter posts the code (mode `verify`). */
  hold(id: HandshakeId, codeHash: string, acquired: JsonObject): Promise<void>;
  /**
   * Ends, at the provider, what it gave and no connection will hold; while the provider is away it is tried again for a
   * day. The consent is over.
   */
  discard(handshake: Handshake, acquired: JsonObject): Promise<void>;
  /** Hands out what was held, once, to its starter. Anyone else spends the code. @throws `not_found`. */
  claim(id: HandshakeId, codeHash: string, starter: Starter): Promise<Claim>;
}

/** What the `OAuthHandshake` object answers over RPC. */
export interface HandshakeRpc {
  start(handshake: Handshake, ticketHash: string): Promise<Outcome<void>>;
  open(ticketHash: string, browserHash: string | null): Promise<Outcome<Handshake>>;
  take(evidence: CallbackEvidence): Promise<Outcome<Handshake>>;
  findStarter(): Promise<Outcome<Starter | null>>;
  hold(codeHash: string, acquired: JsonObject): Promise<Outcome<void>>;
  discard(handshake: Handshake, acquired: JsonObject): Promise<Outcome<void>>;
  claim(codeHash: string, starter: Starter): Promise<Outcome<Claim | null>>;
}
