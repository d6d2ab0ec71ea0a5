import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { createDeps } from "../deps.ts";
import type { WebhookSenderObject } from "../domain/ports/webhooks.ts";
import type { WebhookBinding } from "../domain/webhook.ts";
import {
  nudgeSender,
  resumeSender,
  type Sender,
  type SenderRecord,
  type SenderState,
} from "../services/webhooks/sender.ts";
import { wakeSender } from "../services/webhooks/wake-sender.ts";
import { createRecord } from "./record.ts";

/** One per webhook: everything it is told goes out here, one at a time. */
export class WebhookSender extends DurableObject<Bindings> implements WebhookSenderObject {
  readonly #state: SenderState = {
    ...createRecord<SenderRecord>(this.ctx.storage),
    // Not awaited, as `wakeAt`: it is in order with the writes around it.
    sleep: () => void this.ctx.storage.deleteAlarm(),
  };
  readonly #underWay: Sender["underWay"] = { isNudged: false, isResumed: false };

  /** The sending is the alarm's, so that nobody waits for a receiver. */
  async nudge(binding: WebhookBinding): Promise<void> {
    nudgeSender(this.#sender(), binding);
  }

  async resume(binding: WebhookBinding): Promise<void> {
    resumeSender(this.#sender(), binding);
  }

  override alarm(): Promise<void> {
    return wakeSender(this.#sender());
  }

  #sender(): Sender {
    return { deps: createDeps(this.env, this.ctx), state: this.#state, underWay: this.#underWay };
  }
}
