import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { cloudflarePool } from "@cloudflare/vitest-plugin";
import type { TestProject } from "vitest/node";
import type { WorkerStack } from "./worker-stack.ts";

/**
 * Gives each workerd a Postgres, Vault and sandbox of its own. Two that share a database have different Durable Objects
 * for the same rows: what a cron run of one does to a workspace of the other, no deployment could do.
 *
 * Goes behind `cloudflareTest()`, whose pool it replaces.
 */
export function ownStackForEachWorkerd() {
  return {
    name: "own-stack-for-each-workerd",
    configureVitest({ project }: { readonly project: TestProject }) {
      project.config.poolRunner = createPool();
    },
  };
}

type Pool = ReturnType<typeof cloudflarePool>;

function createPool(): Pool {
  return {
    name: "cloudflare-pool",
    createPoolWorker: (options) => {
      let thread: Worker | null = null;
      const worker = cloudflarePool(async () => {
        thread = new Worker(join(import.meta.dirname, "worker-stack-thread.ts"));
        const [{ settings, endpoints }] = (await once(thread, "message")) as [WorkerStack];
        const bindings = { ...settings, TEST_ENDPOINTS: { ...endpoints } };
        return { wrangler: { configPath: "./wrangler.toml" }, miniflare: { bindings } };
      }).createPoolWorker(options);
      const stop = worker.stop.bind(worker);
      worker.stop = async () => {
        await stop();
        await thread?.terminate();
      };
      return worker;
    },
  };
}
