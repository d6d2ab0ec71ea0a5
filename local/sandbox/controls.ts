import type { CallLog } from "./calls.ts";
import type { FaultQueue } from "./fault-queue.ts";
import type { SandboxProvider } from "./provider.ts";
import type { TokenSettingsBook } from "./token-settings.ts";
import { type Answer, json, type WireRequest } from "./wire.ts";

export interface Controls {
  readonly providers: readonly SandboxProvider[];
  readonly calls: CallLog;
  readonly faults: FaultQueue;
  readonly tokens: TokenSettingsBook;
}

/** Answers the paths that steer the sandbox instead of playing a provider; null for any other path. */
export function answerControl(controls: Controls, request: WireRequest): Answer | null {
  if (!request.host.startsWith("_")) return null;
  switch (`${request.method} ${request.host}`) {
    case "GET _health":
      return json(200, { status: "ok", providers: controls.providers.map(({ id }) => id) });
    case "GET _calls":
      return json(200, { calls: controls.calls.list(request.query.get("provider")) });
    case "GET _credentials":
      return json(200, listCredentials(controls.providers, request.query));
    case "GET _tokens":
      return json(200, { tokens: controls.tokens.all() });
    case "POST _tokens":
      return change(request, (body) => controls.tokens.change(body));
    case "POST _faults":
      return change(request, (body) => controls.faults.add(body));
    case "POST _reset":
      controls.faults.clear();
      controls.calls.clear();
      controls.tokens.reset();
      return json(200, { ok: true });
    default:
      return answerOwnControl(controls.providers, request);
  }
}

function answerOwnControl(providers: readonly SandboxProvider[], request: WireRequest): Answer {
  const name = `${request.method} ${request.host}`;
  const [answer] = providers.flatMap(({ controls }) => controls?.[name] ?? []);
  return answer?.(request) ?? json(404, { error: `no control ${request.method} /${request.host}` });
}

/** `?refused` and `?keys` list the other kinds, of the providers that have them. */
function listCredentials(providers: readonly SandboxProvider[], query: URLSearchParams): Record<string, unknown> {
  const pick = ({ credentials, refusedCredentials, keyCredentials }: SandboxProvider) => {
    if (query.has("refused")) return refusedCredentials?.();
    return query.has("keys") ? keyCredentials?.() : credentials();
  };
  return Object.fromEntries(
    providers.map((provider) => [provider.id, pick(provider)]).filter(([, body]) => body !== undefined),
  );
}

function change(request: WireRequest, apply: (body: Record<string, unknown>) => string | null): Answer {
  const body = parseObject(request.body.toString("utf8"));
  const problem = body ? apply(body) : "the body must be a JSON object";
  return problem === null ? json(200, { ok: true }) : json(400, { error: problem });
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // Not JSON: said to the caller as any other wrong shape.
    return null;
  }
}
