import { env } from "cloudflare:workers";
import { neon, neonConfig } from "@neondatabase/serverless";
import type { TestEndpoints } from "./worker-stack.ts";

/** What the Worker under test talks to. */
export const endpoints = (env as unknown as { readonly TEST_ENDPOINTS: TestEndpoints }).TEST_ENDPOINTS;

/** As the owner of the tables, who may do anything to them: how a test tampers, or lets time pass. */
export function queryAsOwner(text: string, params: readonly unknown[] = []) {
  neonConfig.fetchEndpoint = `${endpoints.postgres}/sql`;
  return neon(endpoints.ownerUrl).query(text, [...params]);
}
