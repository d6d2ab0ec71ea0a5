import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type RunningVault, startVault } from "../../../local/vault/server.ts";

/** What a call answered. */
export interface VaultReply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever shape the endpoint has.
  readonly body: any;
}

/** A server of one test, and its API as the root token calls it. */
export interface TestVault {
  readonly vault: RunningVault;
  readonly call: (method: string, path: string, body?: unknown, token?: string) => Promise<VaultReply>;
}

/** Starts a server that is stopped with the test. */
export async function openVault(options: Partial<Parameters<typeof startVault>[0]> = {}): Promise<TestVault> {
  const vault = await startVault({ port: 0, dataDir: null, ...options });
  onTestFinished(() => vault.stop());
  return { vault, call: createCall(vault.address, vault.rootToken) };
}

/** Calls a server; a text body is sent as it is. */
export function createCall(address: string, rootToken: string): TestVault["call"] {
  return async (method, path, body, token = rootToken) => {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: token === "" ? {} : { "x-vault-token": token },
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
}

/** A folder that is removed with the test. */
export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "aurora-vault-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
