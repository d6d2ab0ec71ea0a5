import { setTimeout as sleep } from "node:timers/promises";
import { expectStatus, readText } from "./replies.ts";
import { beginRow, type Row } from "./table.ts";
import { createTalk, type Talk } from "./talk.ts";

/** A revoked token is refused everywhere within this. */
const REVOKED_WITHIN_MS = 6_000;
const POLL_MS = 250;

/** Makes a cluster agent's token, lets the agent use it, and revokes it. There is no provider behind it to ask. */
export async function playKubectlAgent(worker: string, admin: Talk): Promise<Row> {
  const row = beginRow("kubectl", "agent token");
  try {
    const made = expectStatus(await admin.quietly("POST", "/api/kubectl/tokens", { cluster_name: "demo" }), 201);
    const agent = createTalk("agent  ", worker, () => {});
    agent.headers["authorization"] = `Bearer ${readText(made, "token")}`;
    expectStatus(await agent.quietly("GET", "/api/v1/connections"), 200);
    row.probe = "ok";
    row.token = "the bearer itself";
    expectStatus(await admin.quietly("DELETE", `/api/kubectl/tokens/${readText(made, "id")}`), 204);
    await waitUntilRefused(agent);
  } catch (error) {
    if (error instanceof TypeError) throw error;
    // What was printed before is as true as it was; the run ends with this sentence.
    row.problem = error instanceof Error ? error.message : String(error);
  }
  return row;
}

async function waitUntilRefused(agent: Talk): Promise<void> {
  for (const end = Date.now() + REVOKED_WITHIN_MS; Date.now() < end; await sleep(POLL_MS)) {
    if ((await agent.quietly("GET", "/api/v1/connections")).status === 401) return;
  }
  throw new Error("The revoked token still works.");
}
