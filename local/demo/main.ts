import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { playAllProviders } from "./all-providers.ts";
import { playStory } from "./story.ts";

// `npm run demo [-- --all] [--state DIR]`: the main story, or every provider through its life.

const root = fileURLToPath(new URL("../../", import.meta.url));

try {
  const { values } = parseArgs({ options: { all: { type: "boolean" }, state: { type: "string" } } });
  const state = resolve(process.env["INIT_CWD"] ?? process.cwd(), values.state ?? join(root, ".local"));
  const play = values.all ? playAllProviders : playStory;
  await play(readEndpoints(join(state, "endpoints.json")), (line) => console.log(line));
} catch (error) {
  const isUnreachable = error instanceof TypeError && error.message === "fetch failed";
  const reason = error instanceof Error ? error.message : String(error);
  console.error(isUnreachable ? "The stack stopped answering: is npm start still running?" : reason);
  process.exitCode = 1;
}

function readEndpoints(file: string): { worker: string; sandbox: string } {
  let endpoints: { worker: string; sandbox: string | null };
  try {
    endpoints = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new Error(`No stack is running there: ${file} is missing. Run npm start in another terminal first.`);
  }
  if (endpoints.sandbox === null) throw new Error("The demo plays against the sandbox, which --live leaves out.");
  return { worker: endpoints.worker, sandbox: endpoints.sandbox };
}
