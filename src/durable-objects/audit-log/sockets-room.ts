import type { EventFrame } from "../../domain/alert-frames.ts";

/**
 * What may be owed to one socket: about ten thousand events. What a client does not read stays in the runtime's memory, and
 * nothing tells how much that is; so all that was sent since it last said anything counts as unread.
 *
 * @see docs/decisions/slow-readers.md
 */
const MAX_OWED_BYTES = 4 * 1024 * 1024;
/** What may be sent over one socket, whatever its client says: one that pings need not read. */
const MAX_SENT_BYTES = 8 * 1024 * 1024;

/** What was sent over a socket. */
export interface Sent {
  /** Since its client last said anything: for all we can know, it is still waiting here. */
  readonly owedBytes: number;
  /** Since it was opened. Its client has read that for certain only when it comes back and says so. */
  readonly sentBytes: number;
}

/** The frames that fit, and the first that does not: with it the socket is full. */
export function takeUntilFull(
  frames: readonly EventFrame[],
  { owedBytes, sentBytes }: Sent,
): { readonly sent: readonly EventFrame[]; readonly bytes: number } {
  const room = Math.min(MAX_OWED_BYTES - owedBytes, MAX_SENT_BYTES - sentBytes);
  let bytes = 0;
  const sent = frames.filter((frame) => {
    if (bytes > room) return false;
    bytes += frame.bytes;
    return true;
  });
  return { sent, bytes };
}

/** Why nothing more is sent over a socket; null while something may be. */
export function whyFull({ owedBytes, sentBytes, cursor }: Sent & { readonly cursor: number }): string | null {
  if (owedBytes > MAX_OWED_BYTES) return tooSlow(cursor);
  if (sentBytes <= MAX_SENT_BYTES) return null;
  return `nothing tells whether you read what was sent: come back with after=${cursor}`;
}

/** What the slowest are told. */
export function tooSlow(cursor: number): string {
  return `too slow: send a ping now and then, and come back with after=${cursor}`;
}
