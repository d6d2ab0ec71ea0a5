import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Plain JavaScript for Node 20: this runs before anything is installed.

/** What package.json's `engines` asks of the Node that starts us; the rest runs on the Node that is installed here. */
const MIN_NODE_MAJOR = 20;

/** The checkout's root, with a trailing slash. */
export const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Node 24, installed as a development dependency: wrangler and vitest need 22 or newer. */
export const NODE = `${ROOT}node_modules/node/bin/node`;

/**
 * Makes node_modules match package-lock.json, and returns at once when it does.
 * Ends the process with one sentence when it cannot.
 */
export function ensureInstalled() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < MIN_NODE_MAJOR) give(`Node ${MIN_NODE_MAJOR} or newer is needed; this is ${process.version}.`);
  const reason = findStale();
  if (reason === null) return;
  console.error(`${reason}: running npm ci, which takes a minute or two the first time.`);
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (npm.error) give("npm was not found; install it (it comes with Node) and start again.");
  if (npm.status !== 0) give("npm ci failed; its message is above.");
  const left = findStale();
  if (left !== null) give(`npm ci ran, but ${left.toLowerCase()}.`);
}

/** Why node_modules cannot be used as it is; null when it can. */
function findStale() {
  const installed = readPackages(`${ROOT}node_modules/.package-lock.json`);
  if (installed === null) return "The dependencies are not installed";
  const wanted = readPackages(`${ROOT}package-lock.json`);
  if (wanted === null) give("package-lock.json is missing or damaged; check the sources out again.");
  for (const [path, entry] of Object.entries(wanted)) {
    // npm leaves out what is optional and meant for another platform.
    const isExpected = path !== "" && entry.optional !== true;
    if (isExpected && installed[path]?.integrity !== entry.integrity) return "The dependencies are out of date";
  }
  return existsSync(NODE) ? null : "The Node that runs the tools is not installed";
}

/**
 * @param {string} file
 * @returns {Record<string, {integrity?: string, optional?: boolean}> | null}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return null;
  }
}

/**
 * @param {string} sentence
 * @returns {never}
 */
function give(sentence) {
  console.error(sentence);
  process.exit(1);
}
