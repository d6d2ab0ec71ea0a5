import type { DueDelivery, PostAnswer, SenderView } from "../../domain/ports/webhooks.ts";
import { parseSecretRef } from "../../domain/secret-ref.ts";
import { holdOffUntil, planAttempt } from "../../domain/webhook-attempt.ts";
import { listSigning, parseSigningSecrets, type SigningSecrets, signWebhook } from "../../domain/webhook-secret.ts";
import { readRetryAfter } from "../../providers/answers.ts";
import { randomFraction } from "../backoff.ts";
import { recordAttempts } from "./record-attempts.ts";
import { requireRecord, type Sender, updateRecord } from "./sender.ts";

const UNSIGNED: PostAnswer = { kind: "unanswered", reason: "unsigned" };

/**
 * Sends what is due, one after the other, and records each try before the next.
 *
 * It ends early when the webhook is no longer active, when the receiver asks for patience, or when an admin changed
 * something. Without a secret to sign with nothing is sent: that counts as a try, so that the workspace sees it.
 *
 * @throws `vault_unavailable`: nothing was sent; `database_unavailable`: the last try is kept and recorded later.
 */
export async function sendDeliveries(sender: Sender, view: SenderView): Promise<void> {
  const secrets = await readSigningSecrets(sender, view.secretRef);
  for (const delivery of view.due) {
    // The address or the secret may be another by now: the next batch reads them anew.
    if (sender.underWay.isResumed) return;
    const answer = secrets === null ? UNSIGNED : await sendOne(sender, view.url, delivery, secrets);
    keepAttempt(sender, delivery, answer);
    const isActive = await recordAttempts(sender);
    if (!isActive || requireRecord(sender).heldOffUntil !== null) return;
  }
}

/** Null when somebody deleted it in the store: a rotation makes a new one. */
async function readSigningSecrets(sender: Sender, secretRef: string): Promise<SigningSecrets | null> {
  const { deps } = sender;
  const stored = await deps.secrets.read(parseSecretRef(secretRef, deps.settings.vaultMount));
  const secrets = stored && parseSigningSecrets(stored.data);
  if (secrets === null) {
    deps.log.warn("a webhook's signing secret is gone", { webhook: requireRecord(sender).binding.id });
  }
  return secrets;
}

async function sendOne(
  { deps }: Sender,
  url: string,
  { id, payload }: DueDelivery,
  secrets: SigningSecrets,
): Promise<PostAnswer> {
  const timestamp = deps.now();
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": await signWebhook(listSigning(secrets, timestamp), id, timestamp, payload),
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
