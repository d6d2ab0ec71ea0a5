import { isAppError } from "../domain/errors.ts";
import type { Deps } from "./deps.ts";

export interface Checks {
  readonly database: "ok" | "down";
  readonly vault: "ok" | "down";
  readonly cache: "ok" | "down";
}

/** Asks everything a token needs, at once. Never throws. */
export async function checkReadiness(deps: Pick<Deps, "connections" | "credentialCache" | "secrets">): Promise<Checks> {
  const [database, vault, cache] = await Promise.all([
    answer(deps.connections.check()),
    answer(deps.secrets.check()),
    answer(deps.credentialCache.check()),
  ]);
  return { database, vault, cache };
}

async function answer(check: Promise<void>): Promise<"ok" | "down"> {
  try {
    await check;
    return "ok";
  } catch (error) {
    if (!isAppError(error)) console.error(JSON.stringify({ message: "a readiness check failed unexpectedly" }));
    return "down";
  }
}
