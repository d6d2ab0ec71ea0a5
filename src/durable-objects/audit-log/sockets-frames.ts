import {
  CLOSE_CODE,
  type CloseCode,
  countFrame,
  isTooBig,
  PONG,
  parseClientFrame,
  UNKNOWN_FRAME,
} from "../../domain/alert-frames.ts";
import type { Limit } from "../../domain/limits.ts";
import type { OpenSocket, SocketState } from "./sockets-open.ts";

/** Why a socket is closed. */
interface Refusal {
  readonly code: CloseCode;
  readonly reason: string;
}

/**
 * Hears a frame of a client. Anything it says is a sign that it is there, so nothing counts as unread any more.
 *
 * @param limit How many frames it may send.
 */
export function hearFrame(socket: OpenSocket, frame: string | ArrayBuffer, limit: Limit, nowMs: number): void {
  const heard = judge(socket.state(), frame, limit, nowMs);
  if ("code" in heard) {
    socket.close(heard.code, heard.reason);
    return;
  }
  const said = parseClientFrame(heard.text);
  const actions = said?.type === "filter" ? said.actions : socket.state().actions;
  socket.change({ frameTimes: heard.frameTimes, owedBytes: 0, actions });
  if (said === null) socket.say(UNKNOWN_FRAME);
  if (said?.type === "ping") socket.say(PONG);
}

function judge(
  state: SocketState,
  frame: string | ArrayBuffer,
  limit: Limit,
  nowMs: number,
): Refusal | { readonly text: string; readonly frameTimes: readonly number[] } {
  if (typeof frame !== "string") return { code: CLOSE_CODE.binary, reason: "send text" };
  if (isTooBig(frame)) return { code: CLOSE_CODE.tooBig, reason: "a frame may have 64 KiB" };
  const frameTimes = countFrame(state.frameTimes, nowMs, limit);
  if (frameTimes !== null) return { text: frame, frameTimes };
  return { code: CLOSE_CODE.refused, reason: `more than ${limit.limit} frames in ${limit.windowSeconds} s` };
}
