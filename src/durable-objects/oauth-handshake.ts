import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { createDeps } from "../deps.ts";
import type { Handshake, Starter } from "../domain/handshake.ts";
import type { JsonObject } from "../domain/json.ts";
import { type Outcome, toOutcome } from "../domain/outcome.ts";
import type { CallbackEvidence, Claim, HandshakeRpc } from "../domain/ports/handshakes.ts";
import type { Desk, HandshakeRecord, HandshakeState } from "../services/consent/desk.ts";
import {
  claimGrant,
  findStarter,
  holdGrant,
  openHandshake,
  startHandshake,
  takeHandshake,
  wakeDesk,
} from "../services/consent/handshake-desk.ts";
import { discardGrant } from "../services/consent/unwanted-grant.ts";
import { createRecord } from "./record.ts";

/** One per consent: its state is taken once, and everything is gone after ten minutes but a grant that is yet to be revoked. */
export class OAuthHandshake extends DurableObject<Bindings> implements HandshakeRpc {
  readonly #state: HandshakeState = createRecord<HandshakeRecord>(this.ctx.storage);

  start(handshake: Handshake, ticketHash: string): Promise<Outcome<void>> {
    return toOutcome(() => startHandshake(this.#desk(), handshake, ticketHash));
  }

  open(ticketHash: string, browserHash: string | null): Promise<Outcome<Handshake>> {
    return toOutcome(() => openHandshake(this.#desk(), ticketHash, browserHash));
  }

  take(evidence: CallbackEvidence): Promise<Outcome<Handshake>> {
    return toOutcome(() => takeHandshake(this.#desk(), evidence));
  }

  findStarter(): Promise<Outcome<Starter | null>> {
    return toOutcome(() => findStarter(this.#desk()));
  }

  hold(codeHash: string, acquired: JsonObject): Promise<Outcome<void>> {
    return toOutcome(() => holdGrant(this.#desk(), codeHash, acquired));
  }

  discard(handshake: Handshake, acquired: JsonObject): Promise<Outcome<void>> {
    return toOutcome(() => discardGrant(this.#desk(), handshake, acquired));
  }

  claim(codeHash: string, starter: Starter): Promise<Outcome<Claim | null>> {
    return toOutcome(() => claimGrant(this.#desk(), codeHash, starter));
  }

  override alarm(): Promise<void> {
    return wakeDesk(this.#desk());
  }

  #desk(): Desk {
    return { deps: createDeps(this.env, this.ctx), state: this.#state };
  }
}
