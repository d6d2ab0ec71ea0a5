import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";
import { LOCAL_NAMES } from "../../local/stack/settings.ts";
import type { Stack } from "../support/stack.ts";
import { connect, type Person, register } from "./person.ts";

const ROOT = join(import.meta.dirname, "../..");

/** How an `npm run retention` went. */
interface Run {
  readonly code: number;
  readonly output: string;
}

/** Runs `npm run retention` without the settings of whoever runs the tests. */
export function runRetention(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const names: readonly string[] = LOCAL_NAMES;
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.includes(name)));
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env: { ...own, INIT_CWD: ROOT, DEV_VARS_FILE: "/dev/null", ...env } };
    const child = execFile(process.execPath, ["local/retention.mjs", ...args], options, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, output: out + err }),
    );
  });
}

const SOON = { timeout: 30_000, interval: 200 };
const LONG_AGO = "now() - interval '31 days'";

/**
 * Somebody disconnects an account, is told of it by a webhook and deletes that, a month passes, and the operator looks at
 * what is due and has it purged, twice.
 *
 * @param tamper Runs a statement as somebody who may say that something ended long ago.
 */
export async function playRetention(stack: Stack, tamper: (text: string) => Promise<unknown>): Promise<void> {
  const person = await register(stack);
  // Nobody listens there.
  const asked = { url: "http://127.0.0.1:9/", events: ["connection.disconnected"] };
  const webhook = (await person.call("POST", "/api/v1/webhooks", asked)).body.id;
  const connection = await connect(stack, person, "gcp");
  expect((await person.call("DELETE", `/api/v1/connections/${connection}`)).status).toBe(204);
  const [delivery] = await deleteWebhook(person, webhook);
  await tamper(`update user_tokens set deleted_at = ${LONG_AGO} where id = '${connection}'`);
  await tamper(`update webhook_deliveries set created_at = ${LONG_AGO} where webhook_id = '${webhook}'`);
  // Its sender erases the secret by itself.
  const age = `update webhooks set secret_erased_at = ${LONG_AGO} where id = '${webhook}' and secret_erased_at is not null`;
  const attempt = `do $$ begin ${age}; if not found then raise 'not erased yet'; end if; end $$`;
  const isErased = () =>
    tamper(attempt).then(
      () => true,
      () => false,
    );
  await expect.poll(isErased, SOON).toBe(true);

  const gone = { connections: connection, webhook_deliveries: delivery, webhooks: webhook };
  const { workspace_id } = (await person.call("GET", "/api/auth/me")).body;
  await playRuns(stack, workspace_id, Object.keys(gone));
  const { events } = (await person.call("GET", "/api/v1/audit?action=retention.purged")).body;
  const told = events.map(({ detail }: { detail: Record<string, unknown> }) => [detail["kind"], detail["ids"]]);
  expect(told.sort()).toEqual(Object.entries(gone).map(([kind, id]) => [kind, [id]]));
  expect((await person.call("GET", "/api/v1/audit/verify")).body).toMatchObject({ ok: true });
}

/** Deletes it once it was told of something; answers the ids of its deliveries. */
async function deleteWebhook(person: Person, webhook: string): Promise<readonly string[]> {
  const path = `/api/v1/webhooks/${webhook}`;
  const list = async (): Promise<readonly string[]> =>
    (await person.call("GET", `${path}/deliveries`)).body.deliveries.map(({ id }: { id: string }) => id);
  await expect.poll(list, SOON).toHaveLength(1);
  const deliveries = await list();
  expect((await person.call("DELETE", path)).status).toBe(204);
  return deliveries;
}

/** One of each kind is due in the workspace: shown, purged, and not due any more. */
async function playRuns(stack: Stack, workspace: string, kinds: readonly string[]): Promise<void> {
  const state = ["--state", stack.state];
  const dry = await runRetention([...state, "--dry-run"]);
  expect(dry.output).toMatch(/^kind +workspace +count +oldest$/m);
  for (const kind of kinds) expect(dry.output).toMatch(new RegExp(`^${kind} +${workspace} +1 +\\d{4}-.*Z$`, "m"));
  expect(dry.output).toContain(`${kinds.length} due; nothing was deleted`);

  const first = await runRetention(state);
  expect(first.code, first.output).toBe(0);
  for (const kind of kinds) expect(first.output).toContain(`${kind}: 1 purged\n`);
  expect(await runRetention(state)).toEqual({ code: 0, output: "Nothing was due.\n" });
}
