import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Runs only when asked for (`npm run test:vault`): it wants a real Vault. */
const REAL_VAULT = "test/adapters/vault/real-vault.test.ts";
const STORIES = "test/stories/**/*.test.ts";
/** They start, stop and kill whole stacks for minutes: left out, and said so, unless everything is asked for. */
const LONG_STORIES = ["alerts", "all-providers", "gcp-setup", "long-outage", "newest-consent", "start", "webhooks"].map(
  (name) => `test/stories/${name}.test.ts`,
);
const EVERYTHING = process.env["REQUIRE_ALL"] === "1";
const WORKER = "test/worker/**/*.test.{ts,tsx}";

/** The stories mostly wait, and longest: they begin first, and the rest runs beside them. */
class StoriesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isStory = (file: TestSpecification) => file.project.name === "stories";
    return [...sorted.filter(isStory), ...sorted.filter((file) => !isStory(file))];
  }
}

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores, and one story that sleeps.
    maxWorkers: 3,
    sequence: { sequencer: StoriesFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          // A process for each of a hundred files costs more than most of them.
          isolate: false,
          include: ["test/**/*.test.{ts,tsx}"],
          exclude: [WORKER, STORIES, REAL_VAULT],
        },
      },
      {
        extends: true,
        // In real workerd, against the embedded Postgres, Vault and sandbox of the global setup.
        plugins: [
          cloudflareTest(({ inject }) => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: { bindings: inject("workerBindings") },
          })),
        ],
        test: {
          name: "worker",
          // Starting workerd and loading the Worker anew for each file takes longer than many of them: they share both,
          // and each brings its own people and workspaces.
          isolate: false,
          include: [WORKER],
          globalSetup: ["test/support/global-setup.ts"],
        },
      },
      {
        extends: true,
        // Outside in: each file starts the real `npm start` stack.
        test: {
          name: "stories",
          include: [STORIES],
          exclude: EVERYTHING ? [] : LONG_STORIES,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      { extends: true, test: { name: "vault", include: [REAL_VAULT], testTimeout: 60_000 } },
    ],
  },
});
