import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { startVault } from "../../../local/vault/server.ts";
import { createCall, createFolder, openVault } from "./server-support.ts";

const NODE = new URL("../../../node_modules/.bin/node", import.meta.url).pathname;
const CHILD = new URL("./child-server.ts", import.meta.url).pathname;

interface Child {
  readonly process: ChildProcess;
  readonly rootToken: string;
  readonly roleId: string;
  readonly secretId: string;
  readonly call: ReturnType<typeof createCall>;
}

/** A server in a process of its own. */
async function startChild(dataDir: string): Promise<Child> {
  const child = spawn(NODE, ["--no-warnings", CHILD, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  for await (const line of createInterface({ input: child.stdout })) {
    const { address, ...identity } = JSON.parse(line);
    return { process: child, ...identity, call: createCall(address, identity.rootToken) };
  }
  throw new Error("the server did not start");
}

function kill({ process }: Child): Promise<void> {
  return new Promise((resolve) => {
    process.once("exit", () => resolve());
    process.kill("SIGKILL");
  });
}

test("what was acknowledged survives being killed in the middle of many writes", { timeout: 60_000 }, async () => {
  const folder = createFolder();
  const acknowledged = new Map<number, number>();
  for (let round = 0; round < 3; round++) {
    const child = await startChild(folder);
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let n = (acknowledged.get(writer) ?? 0) + 1; ; n++) {
        const { status } = await child.call("POST", `/v1/aurora/data/users/w${writer}`, { data: { n } });
        if (status === 200) acknowledged.set(writer, n);
      }
    });
    const settled = Promise.allSettled(writers);
    await expect
      .poll(() => [...acknowledged.values()].reduce((sum, n) => sum + n, 0), { timeout: 15_000 })
      .toBeGreaterThan(30 * (round + 1));
    await kill(child);
    await settled;
  }

  const { call } = await openVault({ dataDir: folder });
  for (const [writer, n] of acknowledged) {
    const { body } = await call("GET", `/v1/aurora/data/users/w${writer}`);
    // The write under way at the kill may have been done; nothing before it may be missing.
    expect(body.data.data.n).toBeGreaterThanOrEqual(n);
  }
  expect(readdirSync(folder).filter((file) => file.endsWith(".unfinished"))).toEqual([]);
});

test("a restart keeps secrets, versions, labels, mounts, the root token and the role", async () => {
  const folder = createFolder();
  const before = await startVault({ port: 0, dataDir: folder, mounts: ["aurora", "second"] });
  const call = createCall(before.address, before.rootToken);
  await call("POST", "/v1/aurora/data/users/x", { data: { n: 1 } });
  await call("POST", "/v1/aurora/data/users/x", { data: { n: 2 } });
  await call("POST", "/v1/aurora/metadata/users/x", { custom_metadata: { connection: "c" } });
  await call("POST", "/v1/aurora/data/users/gone", { data: {} });
  await call("DELETE", "/v1/aurora/metadata/users/gone");
  await before.stop();

  const { vault, call: again } = await openVault({ dataDir: folder });
  const identity = ({ rootToken, roleId, secretId, unsealKey }: typeof vault) => [
    rootToken,
    roleId,
    secretId,
    unsealKey,
  ];
  expect(identity(vault)).toEqual(identity(before));
  expect((await again("GET", "/v1/aurora/data/users/x?version=1")).body.data.data).toEqual({ n: 1 });
  expect((await again("GET", "/v1/aurora/metadata/users/x")).body.data.custom_metadata).toEqual({ connection: "c" });
  expect((await again("GET", "/v1/aurora/metadata/users/gone")).status).toBe(404);
  expect((await again("GET", "/v1/second/config")).status).toBe(200);
});

test("neither a value nor a path is on disk in the clear, and only we may read the folder", async () => {
  const folder = createFolder();
  const { vault, call } = await openVault({ dataDir: folder });
  await call("POST", "/v1/aurora/data/users/find-me-not", { data: { value: "s3cret-value-in-the-clear" } });
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) {
    expect(file).not.toMatch(/find-me-not|users/);
    expect(statSync(join(folder, file)).mode & 0o077).toBe(0);
    const text = readFileSync(join(folder, file), "latin1");
    for (const secret of ["s3cret-value", "find-me-not", vault.rootToken, vault.secretId])
      expect(text).not.toContain(secret);
  }
});

test("a root token that is given replaces the one kept", async () => {
  const folder = createFolder();
  await (await startVault({ port: 0, dataDir: folder })).stop();
  const { vault, call } = await openVault({ dataDir: folder, rootToken: "hvs.given" });
  expect(vault.rootToken).toBe("hvs.given");
  expect((await call("GET", "/v1/auth/token/lookup-self")).status).toBe(200);
});

/** A folder with one secret in it, and the file of that secret or of another record. */
async function createFilled(): Promise<{ folder: string; files: string[] }> {
  const folder = createFolder();
  const vault = await startVault({ port: 0, dataDir: folder });
  await createCall(vault.address, vault.rootToken)("POST", "/v1/aurora/data/users/x", { data: { n: 1 } });
  await vault.stop();
  return {
    folder,
    files: readdirSync(folder)
      .filter((file) => file.endsWith(".sealed"))
      .map((file) => join(folder, file)),
  };
}

test.each<[string, (folder: string, files: string[]) => void, RegExp]>([
  ["whose key is missing", (folder) => rmSync(join(folder, "key")), /key .* is missing/],
  ["whose key is nonsense", (folder) => writeFileSync(join(folder, "key"), "zz"), /not 64 hex digits/],
  [
    "with another key",
    (folder) => writeFileSync(join(folder, "key"), "ab".repeat(32)),
    /damaged or was written with another key/,
  ],
  ["with a file cut short", (_, [file = ""]) => writeFileSync(file, readFileSync(file).subarray(0, 20)), /damaged/],
  ["with an empty file", (_, [file = ""]) => writeFileSync(file, ""), /damaged/],
  ["with one file in another's place", (_, [one = "", other = ""]) => renameSync(one, other), /damaged/],
])("a folder %s is refused in one sentence", async (_, damage, sentence) => {
  const { folder, files } = await createFilled();
  damage(folder, files);
  await expect(startVault({ port: 0, dataDir: folder })).rejects.toThrow(sentence);
});

test("a folder that is a file is refused in one sentence", async () => {
  const file = join(createFolder(), "file");
  writeFileSync(file, "");
  await expect(startVault({ port: 0, dataDir: file })).rejects.toThrow(/cannot be used/);
});

test("a port that is taken is refused in one sentence", async () => {
  const { vault } = await openVault();
  const port = Number(new URL(vault.address).port);
  await expect(startVault({ port, dataDir: null })).rejects.toThrow(/cannot listen on port/);
});

test("what a kill left half written is swept away", async () => {
  const { folder } = await createFilled();
  const half = join(folder, `${"0".repeat(64)}.sealed.unfinished`);
  writeFileSync(half, "half");
  const { call } = await openVault({ dataDir: folder });
  expect((await call("GET", "/v1/aurora/data/users/x")).status).toBe(200);
  expect(readdirSync(folder)).not.toContain(half);
});
