import { type EventFrame, toEventFrame } from "../../domain/alert-frames.ts";
import type { ChainedEvent } from "../../domain/audit-chain.ts";
import type { AlertSocket } from "./alert-socket.ts";

/** The log a feed reads, oldest first. */
export interface FeedLog {
  /** The number of the newest event. */
  headSeq(): number;
  /** The oldest event that is still kept here; the number after the head's when none is. */
  firstKeptSeq(): number;
  /** Kept events after `seq`, without a gap. */
  kept(seq: number, limit: number): readonly ChainedEvent[];
  /** Events after `seq` that the store has. Fewer than `limit` = no more. @throws `database_unavailable` */
  stored(seq: number, limit: number): Promise<readonly ChainedEvent[]>;
}

export interface FeedDeps {
  readonly log: FeedLog;
  readonly sockets: () => Iterable<AlertSocket>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** What a socket has not had yet, and where that is. */
export interface Backlog {
  hear(events: readonly ChainedEvent[]): void;
  isBehind(socket: AlertSocket): boolean;
  /** What comes next for it is in the store only. */
  isFarBehind(socket: AlertSocket): boolean;
  /** The next frames for a socket that is behind, but not far. Never empty for one. */
  atHand(cursor: number): readonly EventFrame[];
}

/** Recent events stay in memory, so that a thousand sockets cost no thousand queries: about 300 KiB. */
const MAX_RECENT = 512;
/** One query's worth. */
export const PAGE = 200;

/** The backlog of a log whose every new event is heard, in order. */
export function createBacklog(log: FeedLog): Backlog {
  // Asked for every socket at every event, so it is remembered here.
  let headSeq = log.headSeq();
  // Without a gap, up to the head; empty after a start.
  let recent: readonly EventFrame[] = [];
  const firstRecentSeq = () => headSeq + 1 - recent.length;
  const isBehind = (socket: AlertSocket) => socket.cursor() < headSeq;
  const isRecent = (cursor: number) => cursor + 1 >= firstRecentSeq();
  return {
    hear: (events) => {
      recent = [...recent, ...events.map(toEventFrame)].slice(-MAX_RECENT);
      headSeq = recent.at(-1)?.seq ?? headSeq;
    },
    isBehind,
    isFarBehind: (socket) => isBehind(socket) && !isRecent(socket.cursor()) && socket.cursor() + 1 < log.firstKeptSeq(),
    atHand: (cursor) => {
      if (!isRecent(cursor)) return log.kept(cursor, PAGE).map(toEventFrame);
      const begin = cursor + 1 - firstRecentSeq();
      return recent.slice(begin, begin + PAGE);
    },
  };
}
