import type { Backlog, FeedDeps } from "./backlog.ts";
import { createTurns } from "./take-turns.ts";

type SenderDeps = Pick<FeedDeps, "sockets" | "sleep"> & { readonly backlog: Backlog };

/**
 * Sends what is at hand to every socket that has all before it, until none of them is behind.
 *
 * @param onFarBehind Told when it met a socket whose next event is not at hand.
 */
export function createSender(deps: SenderDeps, onFarBehind: () => void): { wake(): void } {
  let isRunning = false;
  let isStale = false;

  async function run(): Promise<void> {
    isRunning = true;
    try {
      while (isStale) {
        isStale = false;
        // Whoever recorded the event gets its answer first.
        await deps.sleep(0);
        const found = await sendRound(deps);
        isStale ||= found.isBehind;
        if (found.isFarBehind) onFarBehind();
      }
    } finally {
      isRunning = false;
    }
  }

  return {
    wake: () => {
      isStale = true;
      if (!isRunning) void run();
    },
  };
}

/** Once round the sockets; what is recorded meanwhile reaches those that have not had their turn. */
async function sendRound({
  backlog,
  sockets,
  sleep,
}: SenderDeps): Promise<{ isBehind: boolean; isFarBehind: boolean }> {
  const found = { isBehind: false, isFarBehind: false };
  const turns = createTurns(sleep);
  for (const socket of [...sockets()]) {
    if (!backlog.isBehind(socket)) continue;
    if (backlog.isFarBehind(socket)) {
      found.isFarBehind = true;
      continue;
    }
    const frames = backlog.atHand(socket.cursor());
    socket.deliver(frames, frames.at(-1)?.seq ?? socket.cursor());
    found.isBehind ||= backlog.isBehind(socket);
    await turns.spend(frames.length);
  }
  return found;
}
