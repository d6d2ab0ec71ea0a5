import { isAppError } from "../domain/errors.ts";
import type { Deps } from "./deps.ts";

type ReadinessDeps = Pick<Deps, "connections" | "credentialCache" | "log" | "secrets">;

export interface Checks {
  readonly database: "ok" | "down";
  readonly vault: "ok" | "down";
  readonly cache: "ok" | "down";
}

/** Asks everything a token needs, at once. Never throws. */
export async function checkReadiness(deps: ReadinessDeps): Promise<Checks> {
  const [database, vault, cache] = await Promise.all([
    answer(deps, deps.connections.check()),
    answer(deps, deps.secrets.check()),
    answer(deps, deps.credentialCache.check()),
  ]);
  return { database, vault, cache };
}

async function answer(deps: ReadinessDeps, check: Promise<void>): Promise<"ok" | "down"> {
  try {
    await check;
    return "ok";
  } catch (error) {
    if (!isAppError(error)) deps.log.error("a readiness check failed unexpectedly");
    return "down";
  }
}
