import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";

export interface RealPostgres {
  /** Its superuser, over TCP with a password. */
  readonly adminUrl: string;
  readonly version: string;
  stop(): Promise<void>;
}

/** Where Debian keeps the server programs, by version; they are not on the PATH. */
const DEBIAN_POSTGRES = "/usr/lib/postgresql";
const PASSWORD = "only-on-loopback";
const START_TIMEOUT_MS = 30_000;
/** Goes with node_modules, so that a fresh install makes it afresh. */
const CACHE = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules/.cache/aurora-edge");

/** The directory of the newest installed server's programs; null when there is none. */
export function findPostgres(): string | null {
  if (!existsSync(DEBIAN_POSTGRES)) return null;
  const versions = readdirSync(DEBIAN_POSTGRES).sort((one, other) => Number(other) - Number(one));
  return (
    versions.map((version) => join(DEBIAN_POSTGRES, version, "bin")).find((bin) => existsSync(join(bin, "initdb"))) ??
    null
  );
}

/** Starts an empty real PostgreSQL server in a temporary directory; null when none is installed. */
export async function startRealPostgres(): Promise<RealPostgres | null> {
  const bin = findPostgres();
  if (bin === null) return null;
  const directory = mkdtempSync(join(tmpdir(), "aurora-postgres-"));
  const identity = findIdentity();
  const passwordFile = join(directory, "password");
  writeFileSync(passwordFile, PASSWORD);
  if (identity.uid !== undefined && identity.gid !== undefined) {
    for (const path of [directory, passwordFile]) chownSync(path, identity.uid, identity.gid);
  }
  const data = join(directory, "data");
  const how = { ...identity, cwd: directory, stdio: "ignore" } as const;
  makeCluster(data, join(CACHE, `postgresql-${basename(dirname(bin))}.tar`), () => {
    const settings = ["-A", "scram-sha-256", "-U", "postgres", "--pwfile", passwordFile, "-E", "UTF8", "--no-locale"];
    execFileSync(join(bin, "initdb"), ["-D", data, "-N", ...settings], how);
  });
  const port = await findFreePort();
  const places = ["-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=${directory}`];
  const server = spawn(join(bin, "postgres"), ["-D", data, "-F", ...places], how);
  const adminUrl = `postgresql://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`;
  const stop = async () => {
    await stopServer(server);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    return { adminUrl, version: await waitUntilReady(adminUrl), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Copies the first cluster this machine made, as making one takes longer than many of the tests on it. */
function makeCluster(data: string, template: string, initialise: () => void): void {
  if (existsSync(template)) {
    execFileSync("tar", ["-xf", template, "-C", dirname(data)]);
    return;
  }
  initialise();
  mkdirSync(dirname(template), { recursive: true });
  // Renamed into place: another process never reads half of it.
  const unfinished = `${template}.${process.pid}`;
  execFileSync("tar", ["-cf", unfinished, "-C", dirname(data), basename(data)]);
  renameSync(unfinished, template);
}

/** The server refuses to run as root: as root, the user the package made. */
function findIdentity(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const readNumber = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: readNumber("-u"), gid: readNumber("-g") };
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function waitUntilReady(connectionString: string): Promise<string> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = new pg.Client({ connectionString });
    try {
      await client.connect();
      const { rows } = await client.query<{ server_version: string }>("show server_version");
      return rows[0]?.server_version ?? "unknown";
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise((resolve) => server.once("exit", resolve));
  // "Immediate shutdown": nothing in there is worth a checkpoint.
  server.kill("SIGQUIT");
  await gone;
}
