import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { ensureInstalled, NODE, ROOT } from "./install.mjs";

// `npm test -- [vitest arguments]`. REQUIRE_ALL=1 makes a skipped test a failure; TEST_REPORT keeps vitest's JSON.

/** Where Debian keeps the server programs, by version; they are not on the PATH. */
const DEBIAN_POSTGRES = "/usr/lib/postgresql";

const args = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), "aurora-test-"));
const reportFile = process.env.TEST_REPORT ?? join(directory, "report.json");

ensureInstalled();
const code = await runVitest();
const skipped = readSkipped();
rmSync(directory, { recursive: true, force: true });
for (const reason of findMissing()) console.log(`skipped: ${reason}`);
if (skipped.length > 0) console.log(`skipped: ${skipped.length} tests in all`);
if (process.env.REQUIRE_ALL === "1" && skipped.length > 0) {
  for (const name of skipped) console.log(`not run: ${name}`);
  console.error("REQUIRE_ALL=1: a skipped test is a failure.");
  process.exit(code || 1);
}
process.exit(code);

/** @returns {Promise<number>} vitest's exit code */
function runVitest() {
  // A real Vault is only asked for by name.
  const projects =
    args.includes("--project") || args.some((arg) => arg.startsWith("--project=")) ? [] : ["--project=!vault"];
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  const vitest = spawn(
    NODE,
    ["--no-warnings", `${ROOT}node_modules/vitest/vitest.mjs`, "run", ...projects, ...reporters, ...args],
    { cwd: ROOT, stdio: "inherit", env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
  );
  process.on("SIGINT", () => vitest.kill("SIGINT"));
  process.on("SIGTERM", () => vitest.kill("SIGTERM"));
  return new Promise((resolve) => {
    vitest.on("error", () => resolve(1));
    vitest.on("exit", (status) => resolve(status ?? 1));
  });
}

/**
 * Full names of the tests that were there but not run.
 *
 * @returns {string[]}
 */
function readSkipped() {
  try {
    /** @type {{testResults: {assertionResults: {status: string, fullName: string}[]}[]}} */
    const { testResults } = JSON.parse(readFileSync(reportFile, "utf8"));
    const tests = testResults.flatMap((file) => file.assertionResults);
    return tests.filter((test) => !["passed", "failed"].includes(test.status)).map((test) => test.fullName);
  } catch {
    // No report means vitest did not get that far, and its own exit code says so.
    return [];
  }
}

/** One sentence for each thing that is left out, and why. */
function findMissing() {
  return [
    ...(process.env.REQUIRE_ALL === "1"
      ? []
      : [
          "what takes long: starting and killing whole stacks and servers, outages, live sockets, exports, set-ups and deliveries step by step, weeks and a year of data (REQUIRE_ALL=1 npm test runs everything)",
        ]),
    ...(hasProgram(["chromium", "chromium-browser", "google-chrome"])
      ? []
      : ["the browser tests: no Chromium on this machine"]),
    ...(hasPostgres() ? [] : ["what runs against a real PostgreSQL: no PostgreSQL server on this machine"]),
  ];
}

function hasPostgres() {
  return (
    hasProgram(["postgres"]) ||
    readVersions().some((version) => isExecutable(join(DEBIAN_POSTGRES, version, "bin/postgres")))
  );
}

function readVersions() {
  try {
    return readdirSync(DEBIAN_POSTGRES);
  } catch {
    return [];
  }
}

/** @param {string[]} names */
function hasProgram(names) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.some((name) => folders.some((folder) => isExecutable(join(folder, name))));
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
