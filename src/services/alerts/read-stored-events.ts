import { CLOSE_CODE, type EventFrame, toEventFrame } from "../../domain/alert-frames.ts";
import type { AlertSocket } from "./alert-socket.ts";
import { type Backlog, type FeedDeps, PAGE } from "./backlog.ts";
import { createTurns } from "./take-turns.ts";

type ReaderDeps = FeedDeps & { readonly backlog: Backlog };

interface Page {
  readonly frames: readonly EventFrame[];
  /** The page holds every event up to this one. */
  readonly through: number;
}

const RETRY_MS = 1000;
/** How long sockets wait for what only the store has while it does not answer. */
const PATIENCE_MS = 30_000;

/**
 * Reads from the store for sockets that are far behind, in turns, a page each, until none is left.
 *
 * @param onPage Told after each page: its readers may go on with what is at hand.
 */
export function createReader(deps: ReaderDeps, onPage: () => void): { wake(): void } {
  let isRunning = false;

  async function run(): Promise<void> {
    isRunning = true;
    try {
      await readForAll(deps, onPage);
    } finally {
      isRunning = false;
    }
  }

  return {
    wake: () => {
      if (!isRunning) void run();
    },
  };
}

async function readForAll(deps: ReaderDeps, onPage: () => void): Promise<void> {
  let failingSinceMs: number | null = null;
  let turn = 0;
  for (let behind = listFarBehind(deps); behind.length > 0; behind = listFarBehind(deps)) {
    const from = behind[turn++ % behind.length]?.cursor() ?? 0;
    const page = await readPage(deps, from);
    if (page !== null) {
      failingSinceMs = null;
      await handOut(deps, from, page);
      onPage();
      continue;
    }
    failingSinceMs ??= deps.nowMs();
    if (deps.nowMs() - failingSinceMs < PATIENCE_MS) await deps.sleep(RETRY_MS);
    else for (const socket of listFarBehind(deps)) giveUp(socket);
  }
}

function listFarBehind({ sockets, backlog }: ReaderDeps): readonly AlertSocket[] {
  return [...sockets()].filter((socket) => backlog.isFarBehind(socket));
}

/** What follows `from`; null when the store does not answer. */
async function readPage({ log }: ReaderDeps, from: number): Promise<Page | null> {
  // Asked before the store: all below this one is there.
  const firstKept = log.firstKeptSeq();
  try {
    const events = (await log.stored(from, PAGE)).filter(({ seq }) => seq < firstKept);
    const last = events.length === PAGE ? events.at(-1)?.seq : undefined;
    // What is not there although it should be was purged: nobody can have it any more.
    return { frames: events.map(toEventFrame), through: last ?? firstKept - 1 };
  } catch {
    // Nothing is lost: whoever waits for it stays where it is.
    return null;
  }
}

/** Gives the page to everyone whose place is within it: sockets that come back together share their reading. */
async function handOut(deps: ReaderDeps, from: number, { frames, through }: Page): Promise<void> {
  const turns = createTurns(deps.sleep);
  for (const socket of listFarBehind(deps)) {
    const cursor = socket.cursor();
    if (cursor < from || cursor >= through) continue;
    const next = frames.filter(({ seq }) => seq > cursor);
    socket.deliver(next, through);
    await turns.spend(next.length);
  }
}

function giveUp(socket: AlertSocket): void {
  socket.close(CLOSE_CODE.tryAgain, `the log cannot be read at the moment; come back with after=${socket.cursor()}`);
}
