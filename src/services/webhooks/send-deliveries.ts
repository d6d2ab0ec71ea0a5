import { AppError } from "../../domain/errors.ts";
import type { DueDelivery, PostAnswer, SenderView } from "../../domain/ports/webhooks.ts";
import { parseSecretRef } from "../../domain/secret-ref.ts";
import { holdOffUntil, planAttempt } from "../../domain/webhook-attempt.ts";
import { listSigning, parseSigningSecrets, signWebhook } from "../../domain/webhook-secret.ts";
import { readRetryAfter } from "../../providers/answers.ts";
import { randomFraction } from "../backoff.ts";
import { recordAttempts } from "./record-attempts.ts";
import { requireRecord, type Sender, updateRecord } from "./sender.ts";

/**
 * Sends what is due, one after the other, and records each try before the next.
 *
 * It ends early when the webhook is no longer active, when the receiver asks for patience, or when an admin changed
 * something.
 *
 * @throws `vault_unavailable`: nothing was sent; `database_unavailable`: the last try is kept and recorded later.
 */
export async function sendDeliveries(sender: Sender, view: SenderView): Promise<void> {
  const secrets = await readSigningSecrets(sender, view.secretRef);
  for (const delivery of view.due) {
    // The address may be another by now: the next batch reads it anew.
    if (sender.underWay.isResumed) return;
    const answer = await sendOne(sender, view.url, delivery, listSigning(secrets, sender.deps.now()));
    keepAttempt(sender, delivery, answer);
    const isActive = await recordAttempts(sender);
    if (!isActive || requireRecord(sender).heldOffUntil !== null) return;
  }
}

async function readSigningSecrets({ deps }: Sender, secretRef: string) {
  const stored = await deps.secrets.read(parseSecretRef(secretRef, deps.settings.vaultMount));
  const secrets = stored && parseSigningSecrets(stored.data);
  // Somebody deleted it in the store: a rotation makes a new one, and until then nothing is sent unsigned.
  if (secrets === null)
    throw new AppError("vault_unavailable", "The signing secret of this webhook is gone; rotate it.");
  return secrets;
}

async function sendOne(
  { deps }: Sender,
  url: string,
  { id, payload }: DueDelivery,
  secrets: readonly string[],
): Promise<PostAnswer> {
  const timestamp = deps.now();
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": await signWebhook(secrets, id, timestamp, payload),
  };
  return deps.postWebhook(url, headers, payload);
}

/** On disk before anything else happens: what was sent is not sent again because Postgres was away. */
function keepAttempt(sender: Sender, delivery: DueDelivery, answer: PostAnswer): void {
  const { deps, underWay } = sender;
  const at = deps.now();
  const asked = answer.kind === "answered" && !underWay.isResumed ? answer.retryAfter : null;
  const retryAfterSeconds = readRetryAfter(asked, at) ?? null;
  const facts = { answer, at, retryAfterSeconds, random: randomFraction(deps.random) };
  const { unrecorded } = requireRecord(sender);
  updateRecord(sender, {
    unrecorded: [...unrecorded, planAttempt(delivery, facts)],
    heldOffUntil: holdOffUntil(facts),
  });
}
