import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";
import { LOCAL_NAMES } from "../../local/stack/settings.ts";
import type { Stack } from "../support/stack.ts";
import { connect, register } from "./person.ts";

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

/**
 * Somebody disconnects an account, a month passes, and the operator looks at what is due and has it purged, twice.
 *
 * @param tamper Runs a statement as somebody who may say that something ended long ago.
 */
export async function playRetention(stack: Stack, tamper: (text: string) => Promise<unknown>): Promise<void> {
  const person = await register(stack);
  const connection = await connect(stack, person, "gcp");
  expect((await person.call("DELETE", `/api/v1/connections/${connection}`)).status).toBe(204);
  await tamper(`update user_tokens set deleted_at = now() - interval '31 days' where id = '${connection}'`);
  const { workspace_id } = (await person.call("GET", "/api/auth/me")).body;

  const state = ["--state", stack.state];
  const dry = await runRetention([...state, "--dry-run"]);
  expect(dry.output).toMatch(/^kind +workspace +count +oldest$/m);
  expect(dry.output).toMatch(new RegExp(`^connections +${workspace_id} +1 +\\d{4}-.*Z$`, "m"));
  expect(dry.output).toContain("nothing was deleted");

  const first = await runRetention(state);
  expect(first).toMatchObject({ code: 0, output: expect.stringContaining("connections: 1 purged\n") });
  expect(await runRetention(state)).toEqual({ code: 0, output: "Nothing was due.\n" });

  const { events } = (await person.call("GET", "/api/v1/audit?action=retention.purged")).body;
  expect(events).toHaveLength(1);
  expect(events[0].detail).toMatchObject({ kind: "connections", count: 1, ids: [connection] });
  expect((await person.call("GET", "/api/v1/audit/verify")).body).toMatchObject({ ok: true });
}
