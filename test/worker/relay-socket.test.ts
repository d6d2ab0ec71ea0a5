import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { relaySocket } from "../../src/adapters/alerts/relay-socket.ts";

/** A relay between the object's end of a socket and the client's. */
function open() {
  const { 0: inner, 1: object } = new WebSocketPair();
  const abandon = vi.fn();
  const client = relaySocket(inner, abandon);
  object.accept();
  return { object, client, abandon };
}

/** Events of sockets take turns of the real clock. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await scheduler.wait(5);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a client that does not answer the object's close within ten seconds is abandoned", async () => {
  const { object, abandon } = open();
  object.send("unread");
  object.close(1013, "too slow");
  await settle();
  vi.advanceTimersByTime(9999);
  expect(abandon).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(abandon).toHaveBeenCalledOnce();
});

test("a client that answers is not, and has everything that was sent before", async () => {
  const { object, client, abandon } = open();
  const heard: unknown[] = [];
  client.addEventListener("message", ({ data }) => void heard.push(data));
  client.addEventListener("close", ({ code, reason }) => void heard.push([code, reason]));
  object.send("first");
  object.close(1013, "too slow");
  client.accept();
  await settle();
  client.close();
  await settle();
  vi.advanceTimersByTime(60_000);
  expect(heard).toEqual(["first", [1013, "too slow"]]);
  expect(abandon).not.toHaveBeenCalled();
});

test("a client that closes first is not abandoned, whenever the object answers", async () => {
  const { object, client, abandon } = open();
  const heard: unknown[] = [];
  object.addEventListener("close", ({ code, reason }) => {
    heard.push([code, reason]);
    object.close(code, reason);
  });
  client.accept();
  client.close(4000, "enough");
  await settle();
  vi.advanceTimersByTime(60_000);
  expect(heard).toEqual([[4000, "enough"]]);
  expect(abandon).not.toHaveBeenCalled();
});
