import { spawn } from "node:child_process";
import { ensureInstalled, NODE, ROOT } from "./install.mjs";

// `npm run demo [-- --state DIR]`: plays the whole story against a stack that `npm start` runs.

ensureInstalled();
const demo = spawn(NODE, ["--no-warnings", `${ROOT}local/demo/main.ts`, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.on("SIGINT", () => demo.kill("SIGINT"));
process.on("SIGTERM", () => demo.kill("SIGTERM"));
demo.on("exit", (code) => process.exit(code ?? 1));
