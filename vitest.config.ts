import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { ownStackForEachWorkerd } from "./test/support/worker-pool.ts";

/** Runs only when asked for (`npm run test:vault`): it wants a real Vault. */
const REAL_VAULT = "test/adapters/vault/real-vault.test.ts";
const STORIES = "test/stories/**/*.test.ts";
/**
 * They start, stop and kill servers for minutes, wait for what comes later, live through weeks and years, or do once
 * more what others do: left out, and said so, unless everything is asked for.
 */
const LONG_TESTS = [
  "local/postgres/server",
  "services/retention/year",
  "services/usage/ordinary-week",
  "stories/alerts",
  "stories/all-providers",
  "stories/gcp-setup",
  "stories/long-outage",
  "stories/lossless-audit",
  "stories/newest-consent",
  "stories/nothing-leaks",
  "stories/real-postgres",
  "stories/start",
  "stories/webhooks",
  "worker/alert-access",
  "worker/alerts",
  "worker/audit-checkpoints",
  "worker/audit-files",
  "worker/gcp-setup",
  "worker/outages",
  "worker/retention",
  "worker/seed-aliases",
  "worker/webhook-deliveries",
].map((name) => `test/${name}.test.ts`);
const LONGEST = [...LONG_TESTS, "test/stories/main-story.test.ts"];
const LEFT_OUT = process.env["REQUIRE_ALL"] === "1" ? [] : LONG_TESTS;
const WORKER = "test/worker/**/*.test.{ts,tsx}";

/**
 * What takes longest, mostly waiting, begins first. What runs beside it changes projects as seldom as can be: each change
 * starts workerd, and loads the Worker, once more.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) =>
      LONGEST.some((name) => moduleId.endsWith(name)) ? -1 : ["worker", "stories", "node"].indexOf(project.name);
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    // For what hangs: a busy machine takes many times what an idle one does.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores, and one story that sleeps.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          // A process for each of a hundred files costs more than most of them.
          isolate: false,
          include: ["test/**/*.test.{ts,tsx}"],
          exclude: [WORKER, STORIES, REAL_VAULT, ...LEFT_OUT],
        },
      },
      {
        extends: true,
        // In real workerd, against the embedded Postgres, Vault and sandbox.
        plugins: [cloudflareTest({}), ownStackForEachWorkerd()],
        test: {
          name: "worker",
          // Starting workerd and loading the Worker anew for each file takes longer than many of them: they share both,
          // and each brings its own people and workspaces.
          isolate: false,
          include: [WORKER],
          exclude: LEFT_OUT,
        },
      },
      {
        extends: true,
        // Outside in: each file starts the real `npm start` stack.
        test: {
          name: "stories",
          include: [STORIES],
          exclude: LEFT_OUT,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      { extends: true, test: { name: "vault", include: [REAL_VAULT], testTimeout: 60_000 } },
    ],
  },
});
