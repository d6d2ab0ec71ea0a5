import { entryOf } from "../../domain/call.ts";
import type { Connection } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import { principalKey } from "../../domain/principal.ts";
import { isIdempotent, parseProxyTarget, selectRequestHeaders } from "../../domain/proxy-request.ts";
import type { Credential } from "../../domain/token-data.ts";
import { injectCredential, needsWholeBody } from "../../providers/inject.ts";
import type { Provider } from "../../providers/provider.ts";
import { requireProvider } from "../connections/connect-account.ts";
import { recallToken } from "../connections/read-hot-token.ts";
import { openCredential, type ReadDeps, type TokenAnswer } from "../connections/read-token.ts";
import { requireConnection } from "../connections/require-connection.ts";
import type { Deps } from "../deps.ts";
import { type Caller, resourceOf } from "../record-deed.ts";
import { locateUpstream } from "./locate-upstream.ts";
import { type ProxyBody, readBody } from "./read-body.ts";
import { type RenewDeps, renewCredential } from "./renew-credential.ts";

type ForwardDeps = ReadDeps & RenewDeps & Pick<Deps, "stream">;

/** A call to be sent on, as it arrived. */
export interface ProxyCall {
  readonly connectionId: ConnectionId;
  readonly method: string;
  /** As the request has it, not parsed and written again. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: ProxyBody;
  /** `X-Proxy-Host`; null = not sent. */
  readonly host: string | null;
}

/** The same call with everything decided but the credential. */
interface Prepared {
  readonly provider: Provider;
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: ProxyBody;
}

/**
 * Sends a call to the provider with the connection's credential, and answers what the provider answers.
 *
 * When the provider refuses the credential (401) it is renewed once, and the call repeated if that is safe.
 *
 * @param found The connection, when it was read beside the caller's credential.
 * @throws `invalid_request` for what may not be sent on; `not_found`; `reauth_required`; `payload_too_large`;
 *         `provider_unavailable` when no answer begins.
 */
export async function forwardRequest(
  deps: ForwardDeps,
  caller: Caller,
  call: ProxyCall,
  found: Connection | null | undefined,
): Promise<Response> {
  const target = parseProxyTarget(call.url, call.connectionId);
  requireSendable(call);
  const { connection, credential } = await open(deps, caller, call.connectionId, found);
  const provider = requireProvider(deps, connection.provider);
  const url = locateUpstream(provider, credential.tokenData, call.host, target);
  const { hostname, host } = new URL(url);
  const body = await readBody(call.body, needsWholeBody(provider, hostname));
  const prepared = { provider, method: call.method, url, headers: selectRequestHeaders(call.headers), body };
  // Beside the call rather than before it; it never throws.
  const counted = countCall(deps, caller, connection, host, call.method);
  const answer = await send(deps, prepared, credential);
  await counted;
  return answer.status === 401 ? await mend(deps, prepared, connection, credential, answer) : answer;
}

function requireSendable({ headers, method, body }: ProxyCall): void {
  if (/websocket/i.test(headers.get("upgrade") ?? "")) {
    throw new AppError("invalid_request", "WebSockets are not passed on.");
  }
  const isRead = method === "GET" || method === "HEAD";
  if (isRead && (headers.has("transfer-encoding") || (body.bytes ?? 0) > 0)) {
    throw new AppError("invalid_request", `A ${method} with a body is not passed on.`);
  }
}

async function open(
  deps: ForwardDeps,
  caller: Caller,
  id: ConnectionId,
  found: Connection | null | undefined,
): Promise<Pick<TokenAnswer, "connection" | "credential">> {
  const hot = recallToken(deps, caller, id);
  if (hot !== null) return hot;
  return openCredential(deps, caller, await requireConnection(deps, caller.principal, id, found));
}

async function send(deps: ForwardDeps, prepared: Prepared, { tokenData }: Credential): Promise<Response> {
  const { provider, method, url, body } = prepared;
  const headers = new Headers(prepared.headers);
  const held = body.content instanceof Uint8Array ? body.content : null;
  await injectCredential(provider, tokenData, { method, url, headers, body: held }, deps.now());
  return deps.stream({ method, url, headers, body: body.content, bodyBytes: body.bytes });
}

/** Renews a credential that was refused, and asks again where asking twice is asking once. */
async function mend(
  deps: ForwardDeps,
  prepared: Prepared,
  connection: Connection,
  refused: Credential,
  answer: Response,
): Promise<Response> {
  const isRepeatable = isIdempotent(prepared.method) && !(prepared.body.content instanceof ReadableStream);
  if (!isRepeatable) {
    // For the caller's next call; this one's answer does not wait, and a failure is the keeper's to record.
    deps.defer(renewCredential(deps, connection, refused).catch(() => null));
    return answer;
  }
  const renewed = await renewCredential(deps, connection, refused).catch(async (error: unknown) => {
    await answer.body?.cancel();
    throw error;
  });
  if (renewed === null) return answer;
  await answer.body?.cancel();
  return send(deps, prepared, renewed);
}

/** Counts the call in the audit, by host and method. The path may hold anything. */
function countCall(
  deps: ForwardDeps,
  caller: Caller,
  connection: Connection,
  host: string,
  method: string,
): Promise<void> {
  const { principal } = caller;
  const entry = entryOf("proxy.called", principal, resourceOf(connection), caller, { host, method });
  const key = `proxy.called|${principalKey(principal)}|${connection.id}|${host}|${method}`;
  return deps.audit.count(principal.workspaceId, key, entry);
}
