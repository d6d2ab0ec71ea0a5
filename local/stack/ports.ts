import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Below the range the kernel gives to outgoing connections, so that a kept port is still free at the next start. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const TRIES = 50;
const POLL_MS = 50;

/** True when nothing listens there and we may. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Waits for a port whose holder was just killed: the system closes its sockets after the process is gone. */
export async function isPortFreeSoon(port: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    if (await isPortFree(port)) return true;
    await sleep(POLL_MS);
  }
  return await isPortFree(port);
}

/** `preferred` when it is free and not in `taken`, otherwise another one. */
export async function choosePort(preferred: number | undefined, taken: readonly number[]): Promise<number> {
  const candidates = Array.from({ length: TRIES }, () => randomInt(FIRST_PORT, LAST_PORT));
  for (const port of [...(preferred === undefined ? [] : [preferred]), ...candidates]) {
    if (!taken.includes(port) && (await isPortFree(port))) return port;
  }
  throw new Error("no free port was found");
}
