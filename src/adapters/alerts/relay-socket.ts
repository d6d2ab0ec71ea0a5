import { NO_CLOSE } from "../../domain/alert-frames.ts";

/** Service restart. @see https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
const RESTARTED = 1012;

/**
 * The client's end of a socket that passes everything on to `inner` and back, until either side closes.
 *
 * Handing out `inner` itself would be shorter. But when an object closes a socket whose client has not said anything yet,
 * the runtime then leaves the connection open until the object sleeps (after 10 idle seconds; a busy one never does), and
 * clients that wait for its end do not learn that they were closed. Here both sides close as soon as one does.
 */
export function relaySocket(inner: WebSocket): WebSocket {
  const { 0: client, 1: outer } = new WebSocketPair();
  passOn(inner, outer);
  passOn(outer, inner);
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

function tell(say: () => void): void {
  try {
    say();
  } catch {
    // The other side is gone. Nothing is lost: whoever comes back says what they have.
  }
}
