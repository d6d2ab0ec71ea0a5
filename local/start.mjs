import { spawn } from "node:child_process";
import { ensureInstalled, NODE, ROOT } from "./install.mjs";

// `npm start -- [--port N] [--state DIR] [--live] [--migrate]`. Installs what is missing, then runs local/stack/main.ts
// on the Node that was installed. Plain JavaScript for Node 20: this runs before anything is installed.

/** The stack ends its parts within this, wrangler's five seconds included. */
const STOP_TIMEOUT_MS = 15_000;

ensureInstalled();
// The channel tells the stack when this process is gone, even by SIGKILL.
const stack = spawn(NODE, ["--no-warnings", `${ROOT}local/stack/main.ts`, ...process.argv.slice(2)], {
  stdio: ["inherit", "inherit", "inherit", "ipc"],
});
let workerGroup = 0;
stack.on("message", (message) => {
  if (typeof message === "object" && "workerGroup" in message) workerGroup = Number(message.workerGroup);
});
// A terminal's Ctrl-C reaches the stack by itself too, which then hears it twice and stops once.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => {
    stack.kill(signal);
    setTimeout(() => stack.kill("SIGKILL"), STOP_TIMEOUT_MS).unref();
  });
}
stack.on("error", (error) => {
  console.error(`The stack could not be run: ${error.message}`);
  process.exit(1);
});
stack.on("exit", (code, signal) => {
  if (signal !== null) {
    console.error(`The stack was ended by ${signal}.`);
    killWorker();
  }
  process.exit(code ?? 1);
});

/** A stack that was killed could not stop its Worker. */
function killWorker() {
  if (workerGroup === 0) return;
  try {
    process.kill(-workerGroup, "SIGKILL");
  } catch {
    // It ended with the stack.
  }
}
