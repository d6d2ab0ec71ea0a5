import { setTimeout as sleep } from "node:timers/promises";
import type { Stack } from "../support/stack.ts";
import { type AlertFrame, type Follower, follow } from "./alert-client.ts";
import { type Person, send } from "./person.ts";

export interface Load {
  readonly sockets: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/** What a follower may ask for: everything, or one of the two actions a load is made of. */
const FILTERS = [undefined, ["kubectl_token.created"], ["kubectl_token.revoked"]] as const;

export function alertsUrl(stack: Stack): string {
  return `${stack.url.replace("http", "ws")}/api/v1/ws/alerts`;
}

/** Every event of the person's workspace after `seq`, as the list shows them. */
export async function readEvents(person: Person, seq: number): Promise<readonly AlertFrame[]> {
  const events: AlertFrame[] = [];
  for (let after: string | null = String(seq); after !== null; ) {
    const { status, body } = await person.call("GET", `/api/v1/audit?limit=200&after=${after}`);
    if (status !== 200) throw new Error(`the list answered ${status}`);
    events.push(...body.events);
    after = body.next;
  }
  return events;
}

/** Opens so many followers, a few at a time. */
export async function openFollowers(stack: Stack, person: Person, count: number, after: number): Promise<Follower[]> {
  const headers = { authorization: `Bearer ${person.session}` };
  const followers: Follower[] = [];
  while (followers.length < count) {
    const batch = Math.min(25, count - followers.length);
    const opening = Array.from({ length: batch }, (_, index) => {
      const actions = FILTERS[(followers.length + index) % FILTERS.length];
      return follow({ url: alertsUrl(stack), headers, after, ...(actions && { actions }) });
    });
    followers.push(...(await Promise.all(opening)));
  }
  return followers;
}

/** Makes events happen at an even pace; resolves when all have happened. */
export async function makeEvents(person: Person, { seconds, eventsPerSecond }: Load): Promise<void> {
  const total = seconds * eventsPerSecond;
  const begin = Date.now();
  const deeds: Promise<void>[] = [];
  for (let done = 0; done < total; done += 2) {
    deeds.push(makeTwoEvents(person));
    await sleep(Math.max(begin + ((done + 2) / eventsPerSecond) * 1000 - Date.now(), 0));
  }
  await Promise.all(deeds);
}

async function makeTwoEvents(person: Person): Promise<void> {
  const made = await person.call("POST", "/api/kubectl/tokens", { cluster_name: "load" });
  const revoked = await person.call("DELETE", `/api/kubectl/tokens/${made.body.id}`);
  if (made.status !== 201 || revoked.status !== 204) throw new Error(`answered ${made.status}, ${revoked.status}`);
}

/** What is wrong with what a follower received, in words; empty when it has each event it asked for once, in order. */
export function compare(follower: Follower, index: number, recorded: readonly AlertFrame[]): string {
  const actions: readonly string[] | undefined = FILTERS[index % FILTERS.length];
  const expected = recorded.filter(({ action }) => actions === undefined || actions.includes(action));
  const text = (events: readonly AlertFrame[]) => events.map((event) => JSON.stringify(sorted(event)));
  const [received, wanted] = [
    text(follower.events.map(({ type: _, ...event }) => event as AlertFrame)),
    text(expected),
  ];
  const wrong = wanted.findIndex((event, place) => received[place] !== event);
  if (wrong !== -1) return `${index}: at ${wrong} ${received[wrong]} instead of ${wanted[wrong]}`;
  return received.length === wanted.length ? "" : `${index}: ${received.length} instead of ${wanted.length}`;
}

/** Waits until everybody has the last event they asked for; after that, nothing more may come. */
export async function settle(followers: readonly Follower[], recorded: readonly AlertFrame[]): Promise<void> {
  const deadline = Date.now() + 30_000;
  const isBehind = () => followers.some((follower, index) => compare(follower, index, recorded) !== "");
  while (isBehind() && Date.now() < deadline) await sleep(200);
}

export async function newAgent(stack: Stack, person: Person, permissions: readonly string[]): Promise<string> {
  const headers = { authorization: `Bearer ${person.session}` };
  const made = await send(
    `${stack.url}/api/v1/auth/api-keys`,
    "POST",
    { service_name: "alerts", permissions },
    headers,
  );
  if (made.status !== 201) throw new Error(`answered ${made.status}`);
  return made.body.api_key;
}

function sorted(event: object): object {
  return Object.fromEntries(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1)));
}
