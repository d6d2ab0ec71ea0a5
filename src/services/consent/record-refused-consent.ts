import type { Call } from "../../domain/call.ts";
import type { Deps } from "../deps.ts";

/** Records a consent that somebody was refused, before anything was exchanged. */
export function recordRefusedConsent(
  deps: Pick<Deps, "audit">,
  chain: string,
  provider: string,
  sessionUser: string | null,
  reason: string,
  { ip, requestId }: Call,
): Promise<void> {
  return deps.audit.record(chain, {
    action: "oauth.failed",
    outcome: "failure",
    actor: { type: sessionUser === null ? "anonymous" : "user", id: sessionUser },
    resource: { type: "provider", id: provider },
    ip,
    requestId,
    detail: { reason },
  });
}
