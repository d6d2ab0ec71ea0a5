import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { control, createDemoClient, createGcpClient, readCredentials, startTestSandbox } from "./sandbox-client.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sandbox-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function startChild() {
  const script = new URL("sandbox-child.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--no-warnings", script, directory], { stdio: ["ignore", "pipe", "pipe"] });
  const printed: string[] = [];
  child.stderr.on("data", (chunk) => printed.push(String(chunk)));
  const lines = createInterface(child.stdout);
  const [first] = (await once(lines, "line")) as [string];
  lines.on("line", (line) => printed.push(line));
  const kill = async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { sandbox: JSON.parse(first) as Sandbox, kill, printed };
}

test("a restart keeps grants, credentials and token settings", async () => {
  const before = await startTestSandbox(directory);
  await control(before, "/_tokens", { provider: "gcp", expires_in: 77 });
  const { body } = await createGcpClient(before).connect({ email: "ada@example.com" });
  const { azure, grafana } = await readCredentials(before);
  await before.stop();

  const after = await startTestSandbox(directory);
  const google = createGcpClient(after);
  expect((await google.api(body["access_token"])).body["email"]).toBe("ada@example.com");
  expect((await google.refresh(body["refresh_token"])).body["expires_in"]).toBe(77);
  expect(await readCredentials(after)).toMatchObject({ azure, grafana });
  expect(after.settings).toEqual(before.settings);
  await after.stop();
});

test("SIGKILL keeps a rotated token, and reuse of the old one still kills the family", async () => {
  const { sandbox, kill, printed } = await startChild();
  const demo = createDemoClient(sandbox);
  const { body } = await demo.connect();
  const second = await demo.refresh(body["refresh_token"]);
  await demo.revoke("unknown");
  await kill();
  // A line the kill cut short.
  appendFileSync(join(directory, "state.jsonl"), '["oidc/demo/RefreshToken/x",{"val');

  const after = await startTestSandbox(directory);
  const client = createDemoClient(after);
  const third = await client.refresh(second.body["refresh_token"]);
  expect(third.status).toBe(200);
  expect((await client.refresh(body["refresh_token"])).body["error"]).toBe("invalid_grant");
  expect((await client.refresh(third.body["refresh_token"])).body["error"]).toBe("invalid_grant");
  expect(printed).toEqual([]);
  await after.stop();
});

test("the state is readable by its owner only", async () => {
  const sandbox = await startTestSandbox(directory);
  expect(statSync(join(directory, "state.jsonl")).mode & 0o777).toBe(0o600);
  await sandbox.stop();
});
