import {
  type Change,
  deleteNewest,
  deleteVersions,
  destroyVersions,
  readSecret,
  type SecretCall,
  undeleteVersions,
  writeSecret,
} from "./kv-engine.ts";
import {
  deleteMetadata,
  describeConfig,
  listNames,
  parseSettings,
  readMetadata,
  writeMetadata,
} from "./kv-metadata.ts";
import { type Reply, replyData, replyErrors, replyNoEndpoint, replyNothing, replyUnsupported } from "./replies.ts";
import type { VaultRequest } from "./vault-request.ts";
import type { SecretRecords } from "./vault-state.ts";

type Handler = (call: SecretCall, request: VaultRequest) => Change;

/** KV version 2 by endpoint and method; POST stands for PUT as well. */
const HANDLERS: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  data: {
    GET: (call, request) => readSecret(call, Number(request.query.get("version") ?? 0)),
    POST: writeSecret,
    DELETE: deleteNewest,
  },
  delete: { POST: deleteVersions },
  undelete: { POST: undeleteVersions },
  destroy: { POST: destroyVersions },
  metadata: { GET: readMetadata, POST: writeMetadata, DELETE: deleteMetadata },
};

/** Answers `/v1/{mount}/{endpoint}/{path}`; null when no mount has that name. */
export function answerKv(secrets: SecretRecords, request: VaultRequest, now: Date): Reply | null {
  const [mount = "", endpoint = "", ...rest] = request.segments ?? [];
  const config = secrets.readMount(mount);
  if (!config) return null;
  const path = rest.join("/");
  if (endpoint === "config" && path === "") return answerConfig(secrets, mount, request);
  if (endpoint === "metadata" && request.method === "LIST") return answerList(secrets, mount, path);

  const handlers = HANDLERS[endpoint];
  if (!handlers) return replyNoEndpoint();
  const handler = handlers[request.method];
  if (!handler) return replyUnsupported();
  if (path === "" || path.endsWith("/")) return refusePath(request.method);

  const body = request.body ?? {};
  const { reply, record } = handler({ record: secrets.read(mount, path), config, body, now }, request);
  if (record !== undefined) secrets.write(mount, path, record);
  return reply;
}

/** A folder holds nothing to read and cannot be written. */
function refusePath(method: string): Reply {
  return method === "GET" ? replyErrors(404) : replyErrors(400, "cannot write to a path ending in '/'");
}

function answerConfig(secrets: SecretRecords, mount: string, request: VaultRequest): Reply {
  const config = secrets.readMount(mount);
  if (!config) return replyErrors(404);
  if (request.method === "GET") return replyData(describeConfig(config));
  if (request.method !== "POST") return replyUnsupported();
  secrets.writeMount(mount, parseSettings(request.body ?? {}, config));
  return replyNothing();
}

function answerList(secrets: SecretRecords, mount: string, path: string): Reply {
  const folder = path === "" || path.endsWith("/") ? path : `${path}/`;
  const keys = listNames(secrets.paths(mount), folder);
  return keys.length === 0 ? replyErrors(404) : replyData({ keys });
}
