import { createHmac } from "node:crypto";
import { vi } from "vitest";
import { newKey, type Person, type Reply, requireStatus } from "./worker-client.ts";
import type { Player } from "./worker-network.ts";

/** A request as a receiver got it. */
export interface Received {
  readonly id: string;
  readonly headers: Headers;
  readonly text: string;
  readonly body: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: {
      readonly seq: number;
      readonly actor: { readonly id: string };
      readonly resource: { readonly type: string; readonly id: string; readonly provider?: string };
      readonly detail: Record<string, unknown>;
    };
  };
}

/** Somebody's server, played in this file only. */
export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** What it answers next; then it answers 204. */
  readonly answers: (() => Response | Promise<Response>)[];
}

const receivers = new Map<string, Receiver>();

/** Plays every receiver: for `watchNetwork`. */
export const playReceivers: Player = (url, request) => {
  const receiver = receivers.get(new URL(url).host);
  return receiver === undefined ? null : answer(receiver, request());
};

export function openReceiver(): Receiver {
  const host = `${crypto.randomUUID()}.hooks.example.com`;
  const receiver: Receiver = { url: `https://${host}/aurora`, received: [], answers: [] };
  receivers.set(host, receiver);
  return receiver;
}

async function answer({ received, answers }: Receiver, request: Request): Promise<Response> {
  const text = await request.text();
  received.push({
    id: request.headers.get("webhook-id") ?? "",
    headers: request.headers,
    text,
    body: JSON.parse(text),
  });
  const next = answers.shift();
  return next === undefined ? new Response(null, { status: 204 }) : next();
}

/** Checks a signature as the specification says, without any of our code. */
export function isSignedWith(secret: string, { id, headers, text }: Received): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signed = createHmac("sha256", key)
    .update(`${id}.${headers.get("webhook-timestamp")}.${text}`)
    .digest("base64");
  return (headers.get("webhook-signature") ?? "").split(" ").includes(`v1,${signed}`);
}

export const WEBHOOKS = "/api/v1/webhooks";
/** For `expect.poll`: what happens by itself happens within seconds. */
export const SOON = { timeout: 15_000, interval: 100 };

export function createWebhook(
  person: Pick<Person, "call">,
  url: string,
  events: readonly string[] = ["apikey.*"],
): Promise<Reply> {
  return person.call("POST", WEBHOOKS, { url, events });
}

/** Makes a webhook that leads to the receiver. */
export async function connectReceiver(
  person: Pick<Person, "call">,
  receiver: Receiver,
  events?: readonly string[],
): Promise<{ readonly id: string; readonly secret: string }> {
  return requireStatus(await createWebhook(person, receiver.url, events), 201).body;
}

/** The page of a webhook's deliveries, newest first. */
export async function readDeliveries(person: Pick<Person, "call">, id: string): Promise<Record<string, unknown>[]> {
  return requireStatus(await person.call("GET", `${WEBHOOKS}/${id}/deliveries`), 200).body.deliveries;
}

/** Nothing real is called: the stand-in for Google answers at this address. */
const PLAYED_URL = "https://oauth2.googleapis.com/webhooks";

/** Makes a webhook and answers its id. */
export async function newWebhook(person: Pick<Person, "call">): Promise<string> {
  return requireStatus(await createWebhook(person, PLAYED_URL), 201).body.id;
}

/** Lets something happen that the webhook is told of, and answers the id of the delivery. */
export async function newDelivery(person: Person, webhook: string): Promise<string> {
  await newKey(person);
  return vi.waitFor(async () => {
    const [delivery] = await readDeliveries(person, webhook);
    if (delivery === undefined) throw new Error("nothing was handed over to the webhook");
    return String(delivery["id"]);
  }, SOON);
}
