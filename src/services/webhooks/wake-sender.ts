import { isAppError } from "../../domain/errors.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import { backoffSeconds, randomFraction } from "../backoff.ts";
import { eraseSigningSecret } from "./erase-signing-secret.ts";
import { recordAttempts } from "./record-attempts.ts";
import { sendDeliveries } from "./send-deliveries.ts";
import { requireRecord, type Sender, updateRecord } from "./sender.ts";

/** If this life ends inside the handler, the next one starts this much later. */
const RESUME_MS = 60_000;

/** With the timeout of each, what a receiver that never answers can take of the quarter of an hour an alarm has. */
const BATCH = 20;
const MAX_BATCHES = 2;

/** Sends whatever is due, and sets the alarm for what is not yet. A store that fails is tried again. */
export async function wakeSender(sender: Sender): Promise<void> {
  const { deps, state, underWay } = sender;
  const known = state.read();
  if (known === null) return;
  // An alarm whose handler dies is not run again once it has set a time itself: so the time comes first.
  state.wakeAt(deps.now() * 1000 + RESUME_MS);
  underWay.isNudged = false;
  try {
    const next = await sendAllDue(sender);
    if (next === "gone") state.clear();
    else if (requireRecord(sender).failures > 0) updateRecord(sender, { failures: 0 });
    sleepUntil(sender, next === "gone" ? null : next);
  } catch (error) {
    scheduleRetry(sender);
    if (!isAppError(error)) throw error;
    // Nothing is lost but time: what is due stays due, and what was sent is on the sender's own disk.
    const { failures } = requireRecord(sender);
    deps.log.warn("a webhook's sender waits for a store", { webhook: known.binding.id, code: error.code, failures });
  }
}

/** Answers when there is something to send again, which may be now; null when nothing waits; or that the webhook is gone. */
async function sendAllDue(sender: Sender): Promise<EpochSeconds | null | "gone"> {
  const { deps, underWay } = sender;
  await recordAttempts(sender);
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    // From here on what an admin changes may not be in what we read.
    underWay.isResumed = false;
    const { binding, heldOffUntil } = requireRecord(sender);
    const view = await deps.webhookDeliveries.readDue(binding, deps.now(), BATCH);
    if (view?.isDeleted) await eraseSigningSecret(deps, binding, view.secretRef);
    if (view === null || view.isDeleted) return "gone";
    if (!view.isActive || view.nextAt === null) return null;
    if (heldOffUntil !== null && heldOffUntil > deps.now()) return heldOffUntil;
    if (view.due.length === 0) return view.nextAt;
    await sendDeliveries(sender, view);
  }
  return deps.now();
}

function sleepUntil(sender: Sender, next: EpochSeconds | null): void {
  const { deps, state, underWay } = sender;
  const now = deps.now();
  // What came while we looked for the last time may not have been seen.
  if (underWay.isNudged) state.wakeAt(now * 1000);
  else if (next === null) state.sleep();
  else state.wakeAt(Math.max(next, now + 1) * 1000);
}

function scheduleRetry(sender: Sender): void {
  const { failures } = requireRecord(sender);
  updateRecord(sender, { failures: failures + 1 });
  const delay = backoffSeconds(failures, randomFraction(sender.deps.random), 0);
  sender.state.wakeAt((sender.deps.now() + delay) * 1000);
}
