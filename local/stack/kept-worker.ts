import { setTimeout as sleep } from "node:timers/promises";
import { listRuntimes } from "./processes.ts";
import { StartError } from "./start-error.ts";
import { waitUntilReady } from "./wait-until-ready.ts";
import { startWorker, type WorkerOptions, type WorkerProcess, workerLogFile } from "./worker-process.ts";

interface KeptOptions extends WorkerOptions {
  readonly address: string;
  readonly onStop: (cleanup: () => Promise<void>) => void;
  /** Called when it runs no more, and cannot be brought back. */
  readonly onFailure: (error: unknown) => void;
}

const WATCH_MS = 2_000;
/** wrangler replaces the Worker's own runtime in a second or two, here and at each change of the sources. */
const RECOVERY_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 3_000;

/**
 * Starts the Worker, and starts it again when somebody killed its runtimes: wrangler's proxy is one as well, and wrangler
 * does not recover from losing it. Where there is no /proc nothing is watched.
 *
 * @throws StartError as {@link waitUntilReady}.
 */
export async function startKeptWorker(options: KeptOptions): Promise<void> {
  const { address, directory, onStop, onFailure } = options;
  let worker: WorkerProcess;
  let isStopping = false;

  async function start(): Promise<void> {
    const started = startWorker(options);
    worker = started;
    process.send?.({ workerGroup: started.pgid });
    await waitUntilReady(address, started.exited, workerLogFile(directory));
    void started.exited.then(() => {
      if (worker !== started) return;
      onFailure(new StartError(`The Worker ended by itself; ${workerLogFile(directory)} says why.`));
    });
  }

  async function watch(): Promise<void> {
    for (let known = listRuntimes(worker.pgid); !isStopping; known = listRuntimes(worker.pgid)) {
      await sleep(WATCH_MS, undefined, { ref: false });
      const alive = listRuntimes(worker.pgid);
      if (known.every((pid) => alive.includes(pid)) || (await answersSoon(address)) || isStopping) continue;
      console.log("The Worker's runtime was killed and does not answer; it is started again.");
      await restart();
      console.log(`ready ${address}`);
    }
  }

  async function restart(): Promise<void> {
    const dead = worker;
    // Nobody takes its end for a failure.
    worker = { ...dead };
    await dead.stop();
    if (!isStopping) await start();
  }

  onStop(() => {
    isStopping = true;
    return worker.stop();
  });
  await start();
  void watch().catch(onFailure);
}

async function answersSoon(address: string): Promise<boolean> {
  for (const deadline = Date.now() + RECOVERY_TIMEOUT_MS; Date.now() < deadline; await sleep(WATCH_MS)) {
    try {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      if ((await fetch(`${address}/health/liveness`, { signal })).ok) return true;
    } catch {
      // Not yet.
    }
  }
  return false;
}
