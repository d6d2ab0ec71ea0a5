import type { Connection } from "../../domain/connection.ts";
import type { AfterConnect, Provider } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import { startSetup } from "../gcp-setup/start-setup.ts";

type AfterDeps = Pick<Deps, "gcpSetupRuns" | "gcpSetups" | "log">;

/** What each provider's `afterConnect` begins. */
const BEGIN: Readonly<Record<AfterConnect, (deps: AfterDeps, connection: Connection) => Promise<unknown>>> = {
  gcp_setup: (deps, connection) => startSetup(deps, connection, null),
};

/** Begins what a provider wants done once a consent is a connection. It never fails the connection. */
export async function runAfterConnect(deps: AfterDeps, provider: Provider, connection: Connection): Promise<void> {
  if (provider.afterConnect === undefined) return;
  try {
    await BEGIN[provider.afterConnect](deps, connection);
  } catch {
    // An attempt that was noted is started by the cron; one that was not begins at the next consent.
    deps.log.error("a set-up could not be started", { connection: connection.id });
  }
}
