import { type NeonQueryFunction, neon, neonConfig } from "@neondatabase/serverless";
import type { RunningPostgres } from "../../../local/postgres/server.ts";

/** The very driver the Worker uses, pointed at `postgres` for this whole test file. */
export function connectDriver(postgres: RunningPostgres, url: string): NeonQueryFunction<false, false> {
  neonConfig.fetchEndpoint = () => `${postgres.address}/sql`;
  return neon(url);
}

/** The SQLSTATE `work` is refused with; null when it is not refused. */
export async function readSqlState(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}

/** Sends a body as the driver would, for what the driver itself never sends. */
export function post(
  postgres: RunningPostgres,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`${postgres.address}${path}`, { method: "POST", body: text, headers });
}
