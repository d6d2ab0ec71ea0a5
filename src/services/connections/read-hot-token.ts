import { isDue } from "../../domain/freshness.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../record-deed.ts";
import { countRead, hotKeyOf, type TokenAnswer } from "./read-token.ts";

/**
 * What this isolate answered the same caller a few seconds ago; null when it did not, or the credential is due.
 * For at most `HOT_CACHE_SECONDS` it may outlive a change made in another isolate.
 */
export function readHotToken(
  deps: Pick<Deps, "audit" | "defer" | "hotCredentials" | "now">,
  caller: Caller,
  id: ConnectionId,
): TokenAnswer | null {
  const hot = deps.hotCredentials.read(hotKeyOf(caller, id));
  if (hot === null || isDue(hot.credential, deps.now())) return null;
  countRead(deps, caller, hot.connection);
  return { ...hot, refreshed: false };
}
