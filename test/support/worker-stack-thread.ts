import { parentPort } from "node:worker_threads";
import { startWorkerStack } from "./worker-stack.ts";

// A thread of its own: vitest's compiles the Worker for everybody, and would keep Postgres waiting meanwhile.
parentPort?.postMessage(await startWorkerStack());
