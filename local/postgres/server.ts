import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { createFaults } from "../faults.ts";
import { createEmbeddedBackend } from "./embedded-backend.ts";
import { ADMIN, APP, OWNER } from "./embedded-roles.ts";
import { createRequestListener } from "./request-listener.ts";
import { createUpstreamBackend, withLogin } from "./upstream-backend.ts";

export interface PostgresOptions {
  /** 0 takes any free one. */
  readonly port: number;
  /** Where the data lives; null keeps it in memory. Not used with `upstream`. */
  readonly dataDir: string | null;
  /** The `postgres://` URL of an admin role of a real server to run everything on, instead of PGlite. */
  readonly upstream?: string | undefined;
  /** Made up when absent. With `upstream` the server's own passwords count: these only complete the URLs. */
  readonly appPassword?: string | undefined;
  readonly ownerPassword?: string | undefined;
  readonly adminPassword?: string | undefined;
}

export interface RunningPostgres {
  /** Where it listens: `http://127.0.0.1:PORT`. Neon's protocol is at `/sql`. */
  readonly address: string;
  /** A role that may create roles: what migrations want. */
  readonly adminUrl: string;
  /** `aurora_owner`, once migrated. */
  readonly ownerUrl: string;
  /** `aurora_app`, once migrated: what the Worker gets. */
  readonly appUrl: string;
  /** Finishes what runs, then closes. Stopping again does nothing. */
  stop(): Promise<void>;
}

const PASSWORD_BYTES = 16;

/**
 * Starts a Postgres that speaks Neon's HTTP protocol on this machine's loopback.
 *
 * Also answers `GET /_health`, `POST /_faults` (endpoint `sql`, see `local/faults.ts`) and `POST /_reset`.
 *
 * @throws Error in one sentence: the port is taken, the data directory is in use or cannot be opened.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const makePassword = () => randomBytes(PASSWORD_BYTES).toString("hex");
  const passwords = {
    admin: options.adminPassword ?? makePassword(),
    owner: options.ownerPassword ?? makePassword(),
    app: options.appPassword ?? makePassword(),
  };
  const known = new Map([
    [ADMIN, passwords.admin],
    [OWNER, passwords.owner],
    [APP, passwords.app],
  ]);
  const backend =
    options.upstream === undefined
      ? await createEmbeddedBackend(options.dataDir, known)
      : createUpstreamBackend(options.upstream);
  const server = createServer(createRequestListener(backend, createFaults()));
  const port = await listen(server, options.port).catch(async (error: unknown) => {
    await backend.stop();
    throw error;
  });
  let stopped: Promise<void> | undefined;
  const base = options.upstream ?? `postgresql://127.0.0.1:${port}/aurora`;
  return {
    address: `http://127.0.0.1:${port}`,
    adminUrl: options.upstream ?? withLogin(base, { role: ADMIN, password: passwords.admin }),
    ownerUrl: withLogin(base, { role: OWNER, password: passwords.owner }),
    appUrl: withLogin(base, { role: APP, password: passwords.app }),
    stop() {
      stopped ??= close(server).then(() => backend.stop());
      return stopped;
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", () => reject(new Error(`The Postgres port ${port} is taken or not allowed.`)));
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The Postgres server has no port.");
  return address.port;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // A client that keeps its connection, or hangs on an injected fault, would hold this up for ever.
  server.closeAllConnections();
  await closed;
}
