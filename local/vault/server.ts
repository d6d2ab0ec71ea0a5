import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { applyFault, createFaults } from "../faults.ts";
import { createCallLog } from "./call-log.ts";
import { answerControl, type Controlled } from "./controls.ts";
import { acceptListMethod } from "./list-method.ts";
import { type Reply, replyErrors } from "./replies.ts";
import { answer } from "./router.ts";
import { readVaultRequest, type VaultRequest } from "./vault-request.ts";
import { openVaultState } from "./vault-state.ts";

interface VaultOptions {
  /** 0 takes any free one. */
  readonly port: number;
  /** Where secrets are kept, encrypted; null keeps them in memory. */
  readonly dataDir: string | null;
  /** Otherwise the one of an earlier run, or a new one. */
  readonly rootToken?: string | undefined;
  /** KV version 2 mounts made when absent; `aurora` unless given. */
  readonly mounts?: readonly string[] | undefined;
}

/** A running server. */
export interface RunningVault {
  /** `http://127.0.0.1:{port}`. */
  readonly address: string;
  readonly rootToken: string;
  readonly roleId: string;
  readonly secretId: string;
  /** What `PUT /v1/sys/unseal` takes as `key`. */
  readonly unsealKey: string;
  stop(): Promise<void>;
}

/**
 * Starts a KV version 2 server that speaks Vault's HTTP API on 127.0.0.1, unsealed.
 *
 * A write is on disk before it is answered, so a kill at any point loses nothing that was acknowledged.
 *
 * @throws Error in one sentence when the folder is damaged or the port is taken.
 */
export async function startVault(options: VaultOptions): Promise<RunningVault> {
  const state = openVaultState({ ...options, mounts: options.mounts ?? ["aurora"] });
  const controlled: Controlled = { state, calls: createCallLog(), faults: createFaults() };
  const server = createServer((message, response) => void serve(controlled, message, response));
  acceptListMethod(server);
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    rootToken: state.rootToken,
    roleId: state.roleId,
    secretId: state.secretId,
    unsealKey: state.unsealKey,
    stop: () => stop(server),
  };
}

async function serve(controlled: Controlled, message: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const request = await readVaultRequest(message);
    const control = answerControl(controlled, request);
    if (control) return send(response, control);
    await serveApi(controlled, request, message.method ?? "", response);
  } catch {
    // A caller that went away, or a disk that failed: nothing was acknowledged, so nothing else is lost.
    if (!response.headersSent) send(response, replyErrors(500, "internal error"));
  }
}

async function serveApi(
  { state, calls, faults }: Controlled,
  request: VaultRequest,
  method: string,
  response: ServerResponse,
): Promise<void> {
  const call = calls.begin(method, request.path);
  const isOver = await applyFault(faults.take(faultEndpoint(request)), response, async () => answer(state, request));
  if (isOver) {
    call.status = response.headersSent ? response.statusCode : null;
    return;
  }
  const reply = answer(state, request);
  call.status = reply.status;
  send(response, reply);
}

/** What the call counts as in the description of a fault: a login is `token`, what takes a secret away `revoke`. */
function faultEndpoint({ method, segments }: VaultRequest): "token" | "revoke" | "api" {
  if (segments?.[0] === "auth") return "token";
  return method === "DELETE" || segments?.[1] === "destroy" ? "revoke" : "api";
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(body === null ? undefined : JSON.stringify(body));
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`The embedded vault cannot listen on port ${port} (${error.message}).`)),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** Idle connections of clients would hold the server open, so they are cut. */
function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
