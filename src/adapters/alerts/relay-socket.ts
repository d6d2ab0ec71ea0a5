import { NO_CLOSE } from "../../domain/alert-frames.ts";

/** Service restart. @see https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
const RESTARTED = 1012;
/** How long a client may take to read what is under way to it, and to answer the close behind it. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * The client's end of a socket that passes everything on to `inner` and back, until either side closes.
 *
 * @param abandon Breaks the client's connection and drops what still waits for it: closing alone lines up behind that.
 * @see docs/decisions/sockets-are-relayed.md
 */
export function relaySocket(inner: WebSocket, abandon: () => void): WebSocket {
  const { 0: client, 1: outer } = new WebSocketPair();
  passOn(inner, outer);
  passOn(outer, inner);
  requireAnswer(inner, outer, abandon);
  // A Blob would have to be read first, and what came after it would overtake it.
  inner.binaryType = "arraybuffer";
  outer.binaryType = "arraybuffer";
  inner.accept();
  outer.accept();
  return client;
}

function passOn(from: WebSocket, to: WebSocket): void {
  from.addEventListener("message", ({ data }) => tell(() => to.send(data)));
  from.addEventListener("close", ({ code, reason }) =>
    tell(() => {
      if (code === NO_CLOSE.noStatus) to.close();
      else if (code === NO_CLOSE.broken) to.close(RESTARTED, "come back");
      else to.close(code, reason);
    }),
  );
}

/** A client that reads nothing never learns that it was closed: its connection, and what waits there, would stay for ever. */
function requireAnswer(inner: WebSocket, outer: WebSocket, abandon: () => void): void {
  let isAnswered = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  outer.addEventListener("close", () => {
    isAnswered = true;
    if (timer !== null) clearTimeout(timer);
  });
  inner.addEventListener("close", () => {
    if (!isAnswered) timer = setTimeout(abandon, CLOSE_TIMEOUT_MS);
  });
}

function tell(say: () => void): void {
  try {
    say();
  } catch {
    // The other side is gone. Nothing is lost: whoever comes back says what they have.
  }
}
