import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { createDeps } from "../deps.ts";
import type { Handshake, Starter } from "../domain/handshake.ts";
import type { JsonObject } from "../domain/json.ts";
import { type Outcome, toOutcome } from "../domain/outcome.ts";
import type { CallbackEvidence, HandshakeRpc } from "../domain/ports/handshakes.ts";
import {
  type Claim,
  claimGrant,
  type Desk,
  expireHandshake,
  findStarter,
  type HandshakeRecord,
  type HandshakeState,
  holdGrant,
  openHandshake,
  startHandshake,
  takeHandshake,
} from "../services/consent/handshake-desk.ts";
import { revokeGrant } from "../services/consent/revoke-grant.ts";
import { createRecord } from "./record.ts";

/** One per consent: its state is taken once, and everything is gone after ten minutes. */
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

  claim(codeHash: string, starter: Starter): Promise<Outcome<Claim | null>> {
    return toOutcome(async () => {
      const claim = await claimGrant(this.#desk(), codeHash, starter);
      // The code is spent whoever brought it: a grant that its starter will never get must not live on.
      if (claim !== null && !claim.isOwner) await revokeGrant(this.#deps(), claim.handshake, claim.acquired);
      return claim?.isOwner === true ? claim : null;
    });
  }

  override async alarm(): Promise<void> {
    const unclaimed = await expireHandshake(this.#desk());
    if (unclaimed !== null) await revokeGrant(this.#deps(), unclaimed.handshake, unclaimed.acquired);
  }

  #deps() {
    return createDeps(this.env, this.ctx);
  }

  #desk(): Desk {
    return { deps: this.#deps(), state: this.#state };
  }
}
