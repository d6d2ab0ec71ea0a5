import { createHash, createHmac } from "node:crypto";
import type { DeliveryId } from "../../../src/domain/ids.ts";
import type { PostAnswer } from "../../../src/domain/ports/webhooks.ts";
import { createSecretRef, parseSecretRef } from "../../../src/domain/secret-ref.ts";
import type { WebhookBinding } from "../../../src/domain/webhook.ts";
import { createWebhook } from "../../../src/services/webhooks/create-webhook.ts";
import { type FanOutQueue, fanOutEvents } from "../../../src/services/webhooks/fan-out-events.ts";
import { nudgeSender, resumeSender, type Sender, type SenderRecord } from "../../../src/services/webhooks/sender.ts";
import { wakeSender } from "../../../src/services/webhooks/wake-sender.ts";
import { createFakeAuditLog } from "../../support/fake-audit-log.ts";
import { createLogbook } from "../../support/fake-logbook.ts";
import { createFakeMetrics } from "../../support/fake-metrics.ts";
import { createFakeSecretStore } from "../../support/fake-secret-store.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { createFakeWebhooks } from "../../support/fake-webhooks.ts";
import { createLives } from "../../support/lives.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { person } from "../../support/service-world.ts";
import { TEST_SETTINGS } from "../../support/test-settings.ts";

const sha256 = async (text: string) => createHash("sha256").update(text).digest("hex");
const OK: PostAnswer = { kind: "answered", status: 204, retryAfter: null };
export const ADMIN = person("a", "admin");
export const URL_OF_RECEIVER = "https://hooks.example.com/aurora";

export const answered = (status: number, retryAfter: string | null = null): PostAnswer => ({
  kind: "answered",
  status,
  retryAfter,
});
export const TIMEOUT: PostAnswer = { kind: "unanswered", reason: "timeout" };

/** What a receiver got. */
export interface Received {
  readonly id: string;
  readonly signatures: readonly string[];
  readonly timestamp: number;
  readonly body: string;
  readonly url: string;
}

/** One webhook with its log, its sender and its receiver, in memory; the objects can die while their storage stays. */
export async function createWebhookWorld() {
  const time = createFakeTime();
  const tables = createFakeWebhooks(time.now);
  const secrets = createFakeSecretStore();
  const audit = createFakeAuditLog();
  const lives = createLives();
  const received: Received[] = [];
  /** What the receiver answers next; then it answers 204. */
  const answers: PostAnswer[] = [];
  /** Set while the receiver keeps its answer back. */
  let gate: Promise<void> | null = null;
  /** Resolves when the handler will not end by itself: the sender died, or its receiver keeps it waiting. */
  let stuck = Promise.withResolvers<void>();
  let head = 0;

  const common = {
    metrics: createFakeMetrics(),
    log: createLogbook(),
    ...{ audit, secrets, random: randomBytes, now: time.now, settings: TEST_SETTINGS, webhooks: tables.webhooks },
    webhookFanOut: {
      expect: async () => {
        queue.expect();
        return head;
      },
    },
    webhookDeliveries: tables.webhookDeliveries,
    webhookSenders: {
      nudge: async (one: WebhookBinding) => nudgeSender(sender, one),
      resume: async (one: WebhookBinding) => resumeSender(sender, one),
    },
  };

  const post: Sender["deps"]["postWebhook"] = async (url, headers, body) => {
    received.push({
      ...{ url, body, id: headers["webhook-id"] ?? "", timestamp: Number(headers["webhook-timestamp"]) },
      signatures: (headers["webhook-signature"] ?? "").split(" "),
    });
    if (gate !== null) stuck.resolve();
    await gate;
    return answers.shift() ?? OK;
  };

  let text: string | null = null;
  const alarm = { atMs: null as number | null };
  const state: Sender["state"] = {
    read: () => (text === null ? null : (JSON.parse(text) as SenderRecord)),
    write: (record) => {
      text = JSON.stringify(record);
    },
    clear: () => {
      text = null;
    },
    wakeAt: (atMs) => {
      alarm.atMs = atMs;
    },
    sleep: () => {
      alarm.atMs = null;
    },
  };

  function createSender(): Sender {
    const { guard, guardFunction } = lives.begin();
    const deps = {
      ...common,
      audit: guard("audit", audit),
      secrets: guard("secrets", secrets),
      webhookDeliveries: guard("queue", tables.webhookDeliveries),
      postWebhook: guardFunction("post", post),
    };
    return { deps, state, underWay: { isNudged: false, isResumed: false } };
  }

  const queue = createFakeQueue(time.nowMs);
  const bugs: unknown[] = [];
  let sender = createSender();
  /** The alarm's handler while it runs: the platform never runs two at once. */
  let handler: Promise<void> | null = null;
  const crash = () => {
    handler = null;
    sender = createSender();
    stuck.resolve();
  };
  lives.onDeath = crash;

  const { webhook, secret } = await createWebhook(common, ADMIN, { url: URL_OF_RECEIVER, events: ["apikey.*"] });
  const binding = { id: webhook.id, workspaceId: ADMIN.principal.workspaceId };
  /** Fires the alarm and waits for its handler, which signs in real time; one that is stuck is left to itself. */
  async function wake(): Promise<void> {
    alarm.atMs = null;
    stuck = Promise.withResolvers();
    const running = wakeSender(sender)
      .catch((error: unknown) => void bugs.push(error))
      .finally(() => {
        if (handler === running) handler = null;
      });
    handler = running;
    await Promise.race([running, stuck.promise]);
  }
  async function advance(seconds: number): Promise<void> {
    const endMs = time.nowMs() + seconds * 1000;
    if (gate === null) await handler;
    while (handler === null && alarm.atMs !== null && alarm.atMs <= endMs) {
      await time.advance(Math.max(0, alarm.atMs - time.nowMs()) / 1000);
      await wake();
    }
    await time.advance((endMs - time.nowMs()) / 1000);
  }

  /** Something happened; answers its number. */
  function happen(event = "apikey.created", payload = `{"n":${head + 1}}`): number {
    head += 1;
    if (!queue.knowsNone()) queue.add({ seq: head, event, payload });
    return head;
  }

  /** The log hands over what waits. */
  function fanOut() {
    return fanOutEvents({ queue, workspaceId: binding.workspaceId, stores: () => common, sha256, nowMs: time.nowMs });
  }

  const deliveries = () => [...tables.deliveryRows.values()].sort((one, other) => one.seq - other.seq);

  return {
    ...{ time, tables, secrets, audit, lives, received, answers, queue, alarm, bugs, crash, webhook, secret, binding },
    deps: common,
    record: () => state.read(),
    place: parseSecretRef(webhook.secretRef, TEST_SETTINGS.vaultMount),
    secretRefOf: (name: string) => createSecretRef("aurora", "users", name),
    happen,
    fanOut,
    /** Events that are handed over, without time for a sender to send them. */
    queueUp: async (count: number) => {
      for (let each = 0; each < count; each += 1) happen();
      await fanOut();
    },
    /** Time passes; the sender's alarm fires when its time comes. */
    advance,
    /** Time passes, and no alarm fires. */
    pass: (seconds: number) => time.advance(seconds),
    /** The receiver keeps its next answer back until the test lets it go. */
    holdAnswer: () => {
      const held = Promise.withResolvers<void>();
      gate = held.promise;
      return () => {
        gate = null;
        held.resolve();
      };
    },
    /** What a sweep does. */
    sweep: async () => {
      const due = await tables.webhookDeliveries.leaseDue(10, 180);
      for (const one of due) nudgeSender(sender, one);
      return due.length;
    },
    deliveries,
    statuses: () => deliveries().map(({ status }) => status),
    delivery: (id: DeliveryId) => tables.deliveryRows.get(id),
    row: () => tables.webhookRows.get(webhook.id),
    /** Whether a receiver that knows this secret accepts it. */
    verifies: ({ id, timestamp, body, signatures }: Received, known: string) => {
      const key = Buffer.from(known.slice("whsec_".length), "base64");
      const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
      return signatures.includes(`v1,${expected}`);
    },
  };
}

export type WebhookWorld = Awaited<ReturnType<typeof createWebhookWorld>>;

/** The log's own storage in memory: it outlives the object. */
function createFakeQueue(nowMs: () => number) {
  const waiting: { readonly seq: number; readonly event: string; readonly payload: string }[] = [];
  let trouble = { failures: 0, retryAtMs: 0 };
  const known = { noneUntilMs: 0, expectedUntilMs: 0 };
  const queue: FanOutQueue = {
    waiting: (limit) => waiting.slice(0, limit),
    forget: (seq) => void waiting.splice(0, waiting.filter((one) => one.seq <= seq).length),
    rememberNone: () => {
      if (known.expectedUntilMs <= nowMs()) known.noneUntilMs = nowMs() + 86_400_000;
    },
    failures: () => trouble.failures,
    keepFailures: (failures, retryAtMs) => {
      trouble = { failures, retryAtMs };
    },
  };
  return {
    ...queue,
    add: (message: (typeof waiting)[number]) => void waiting.push(message),
    expect: () => {
      Object.assign(known, { noneUntilMs: 0, expectedUntilMs: nowMs() + 120_000 });
    },
    knowsNone: () => known.noneUntilMs > nowMs(),
    retryAtMs: () => trouble.retryAtMs,
  };
}
