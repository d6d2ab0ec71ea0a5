import type { CloseCode, EventFrame } from "../../domain/alert-frames.ts";
import type { Subscriber } from "../../domain/alert-subscriber.ts";
import type { EpochSeconds } from "../../domain/time.ts";

/** An open socket. Once it is closed, by either side, nothing reaches it any more. */
export interface AlertSocket {
  subscriber(): Subscriber;
  /** When it was last proven that the subscriber may listen, in ms since 1970. */
  provenAtMs(): number;
  /** Notes that the subscriber may still listen, and until when. */
  confirm(expiresAt: EpochSeconds | null, atMs: number): void;
  /** The last event it was sent or spared. */
  cursor(): number;
  /** Sends those events that its filter lets through and moves the cursor, in one step. */
  deliver(frames: readonly EventFrame[], cursor: number): void;
  /** @param reason At most 123 bytes; safe to show. */
  close(code: CloseCode, reason: string): void;
}
