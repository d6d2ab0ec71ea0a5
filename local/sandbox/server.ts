import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { recogniseCall } from "./answer-call.ts";
import { createCallLog } from "./calls.ts";
import { answerControl, type Controls } from "./controls.ts";
import { createFaultQueue } from "./fault-queue.ts";
import type { SandboxContext, SandboxProvider } from "./provider.ts";
import { readRequest } from "./read-request.ts";
import { PROVIDERS } from "./registry.ts";
import { openState } from "./state.ts";
import { createTokenSettings } from "./token-settings.ts";
import { type Answer, json } from "./wire.ts";

/** Node's 5 s would close a connection the Worker is just about to use again, and look like a provider failing. */
const KEEP_ALIVE_MS = 120_000;

export interface SandboxOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Keeps grants, refresh tokens and keys over a restart; null keeps nothing. */
  readonly dataDir: string | null;
  /** The Worker's callback URLs, which every consent flow accepts. */
  readonly redirectUris: readonly string[] | ((uri: string) => boolean);
}

export interface Sandbox {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  /** `PROVIDER_ORIGINS`: a real origin to where the sandbox plays it. */
  readonly origins: Readonly<Record<string, string>>;
  /** Operator settings for the Worker, as text: client ids and secrets, `CUSTOM_PROVIDERS`. */
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts the stand-in for every provider on one port of 127.0.0.1. It prints nothing. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const now = () => Date.now();
  const state = openState(options.dataDir, now);
  const tokens = createTokenSettings(state);
  const context: SandboxContext = {
    state,
    now,
    isRedirectUriAllowed: createRedirectUriCheck(options.redirectUris),
    tokenSettings: tokens.register,
    secret(name, make) {
      const kept = state.get(`secret/${name}`);
      const value = typeof kept === "string" ? kept : make();
      if (value !== kept) state.set(`secret/${name}`, value, null);
      return value;
    },
  };
  const providers = await Promise.all(PROVIDERS.map((create) => create(context)));
  const faults = createFaultQueue(providers.map(({ id }) => id));
  const controls = { providers, tokens, faults, calls: createCallLog() };
  const server = createServer((incoming, response) => {
    // The client left while its request was read or answered: nobody is there to be told.
    answer(controls, now, incoming, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const address = await listen(server, options.port);
  return { address, ...describe(providers, address), stop: () => stop(server) };
}

async function answer(
  controls: Controls,
  now: () => number,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const request = await readRequest(incoming);
  if (!request) return send(response, json(413, { error: "request too large" }, { connection: "close" }));
  const control = answerControl(controls, request);
  if (control) return send(response, control);

  const played = recogniseCall(controls.providers, controls.calls, request, now);
  if (await controls.faults.play(played, response)) return;
  const result = await played.answer();
  if (played.call) played.call.status = result.status;
  send(response, result);
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, typeof value === "string" ? value : [...value]);
  }
  response.writeHead(status, { "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function createRedirectUriCheck(allowed: SandboxOptions["redirectUris"]): (uri: string) => boolean {
  return typeof allowed === "function" ? allowed : (uri) => allowed.includes(uri);
}

function describe(providers: readonly SandboxProvider[], address: string): Pick<Sandbox, "origins" | "settings"> {
  const origins = providers.flatMap((provider) => provider.origins);
  return {
    origins: Object.fromEntries(origins.map((origin) => [origin, `${address}/${new URL(origin).host}`])),
    settings: Object.assign({}, ...providers.map((provider) => provider.settings)),
  };
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // Calls that hang on purpose would keep the server open for ever.
    server.closeAllConnections();
  });
}
