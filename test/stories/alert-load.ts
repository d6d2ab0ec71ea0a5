import { setTimeout as sleep } from "node:timers/promises";
import type { Stack } from "../support/stack.ts";
import { type AlertFrame, type Follower, follow } from "./alert-client.ts";
import type { Person } from "./person.ts";

export interface Load {
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/** What a follower may ask for: everything, or one of the two actions a load is made of. */
const FILTERS = [undefined, ["kubectl_token.created"], ["kubectl_token.revoked"]] as const;

/** How long the last events may take to everybody. */
const SETTLE_MS = 30_000;

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

/** The number of the person's newest event. */
export async function readHead(person: Person): Promise<number> {
  return (await readEvents(person, 0)).at(-1)?.seq ?? 0;
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

/** Cuts every so many followers' sockets while a load of `seconds` is in its middle half. They come back by themselves. */
export function cutMidway(followers: readonly Follower[], every: number, { seconds }: Load): void {
  const cut = followers.filter((_, index) => index % every === 0);
  for (const [index, follower] of cut.entries()) {
    setTimeout(follower.drop, (0.25 + (0.5 * index) / cut.length) * seconds * 1000);
  }
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

/** What is wrong with what each follower received, in words; empty when all have each event they asked for once, in order. */
export function listWrong(followers: readonly Follower[], recorded: readonly AlertFrame[]): readonly string[] {
  const wanted = FILTERS.map((actions) => select(recorded, actions).map(toText));
  return followers
    .map((follower, index) => compare(follower, wanted[index % wanted.length] ?? []))
    .flatMap((wrong, index) => (wrong === "" ? [] : `${index}: ${wrong}`));
}

function compare({ events, unasked, closed }: Follower, wanted: readonly string[]): string {
  const received = events.map(({ type: _, ...event }) => toText(event));
  const wrong = wanted.findIndex((event, place) => received[place] !== event);
  const codes = closed.map(({ code }) => code).join();
  if (wrong !== -1) return `at ${wrong} ${received[wrong]} instead of ${wanted[wrong]}, after closes ${codes}`;
  if (received.length !== wanted.length) return `${received.length} instead of ${wanted.length}`;
  return unasked() === 0 ? "" : `${unasked()} it did not ask for`;
}

/** Waits until everybody has as many events as they asked for; after that, nothing more may come. */
export async function settle(followers: readonly Follower[], recorded: readonly AlertFrame[]): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  const counts = FILTERS.map((actions) => select(recorded, actions).length);
  // Counted only: comparing thousands of events while they arrive would hold up their arrival.
  const isBehind = () => followers.some(({ events }, index) => events.length < (counts[index % counts.length] ?? 0));
  while (isBehind() && Date.now() < deadline) await sleep(100);
}

function select(events: readonly AlertFrame[], actions: readonly string[] | undefined): readonly AlertFrame[] {
  return events.filter(({ action }) => actions === undefined || actions.includes(action));
}

function toText(event: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1))));
}
