import { setTimeout as sleep } from "node:timers/promises";

/** A frame of the server. */
export interface AlertFrame {
  readonly type: string;
  readonly seq: number;
  readonly action: string;
}

/** Somebody who follows the alerts, and comes back to them whenever the socket closes. */
export interface Follower {
  /** Every event so far, over all sockets. */
  readonly events: readonly AlertFrame[];
  /** How often it was connected. */
  opened(): number;
  /** How many events came that it did not ask for, after the server knew its filter. */
  unasked(): number;
  /** Codes and reasons of the sockets that closed. */
  readonly closed: readonly { readonly code: number; readonly reason: string }[];
  /** Breaks the socket; it is opened again, after the last event. */
  drop(): void;
  /** Ends it for good. */
  stop(): void;
}

export interface FollowerOptions {
  /** `ws://…/api/v1/ws/alerts`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The number of the last event it has. */
  readonly after: number;
  /** The filter it asks for as soon as it is connected. */
  readonly actions?: readonly string[];
}

// undici's WebSocket takes headers, which the browsers' does not and its types do not say.
const HeaderSocket = WebSocket as unknown as new (
  url: string,
  options: { readonly headers: Readonly<Record<string, string>> },
) => WebSocket;
const RETRY_MS = 200;

/** Opens a socket; rejects when it is refused. */
export async function openAlerts(url: string, headers: Readonly<Record<string, string>>): Promise<WebSocket> {
  const ws = new HeaderSocket(url, { headers });
  await new Promise<void>((resolve, reject) => {
    ws.addEventListener("open", () => resolve());
    ws.addEventListener("error", () => reject(new Error("the socket was refused")));
  });
  return ws;
}

/** Follows the alerts until it is stopped. Resolves once it is connected. */
export async function follow(options: FollowerOptions): Promise<Follower> {
  const events: AlertFrame[] = [];
  const closed: { code: number; reason: string }[] = [];
  let ws: WebSocket | null = null;
  let opened = 0;
  let unasked = 0;
  let isStopped = false;

  async function connect(): Promise<void> {
    const after = events.at(-1)?.seq ?? options.after;
    const opening = await openAlerts(`${options.url}?after=${after}`, options.headers);
    opened += 1;
    let isFiltered = false;
    opening.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(String(data)) as AlertFrame;
      // A socket that was dropped may still deliver: its successor asked for what comes after `events`.
      if (opening !== ws) return;
      if (frame.type === "pong") isFiltered = true;
      else if (wants(options, frame)) events.push(frame);
      else if (isFiltered) unasked += 1;
    });
    opening.addEventListener("close", ({ code, reason }) => {
      closed.push({ code, reason });
      if (opening === ws) void comeBack();
    });
    ws = opening;
    if (options.actions === undefined) return;
    opening.send(JSON.stringify({ type: "filter", actions: options.actions }));
    // Its answer comes after the filter was heard.
    opening.send(JSON.stringify({ type: "ping" }));
  }

  async function comeBack(): Promise<void> {
    ws = null;
    while (!isStopped && ws === null) {
      try {
        await connect();
      } catch {
        // The Worker may be starting: it is asked again.
        await sleep(RETRY_MS);
      }
    }
  }

  await connect();
  return {
    events,
    closed,
    opened: () => opened,
    unasked: () => unasked,
    drop: () => {
      const dropped = ws;
      ws = null;
      dropped?.close();
      void comeBack();
    },
    stop: () => {
      isStopped = true;
      ws?.close();
    },
  };
}

/** Between the opening and its filter, events of every action may come. */
function wants({ actions }: FollowerOptions, { action }: AlertFrame): boolean {
  return actions === undefined || actions.includes(action);
}
