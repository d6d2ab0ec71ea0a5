import { isDue } from "../../domain/freshness.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { HotCredential } from "../../domain/ports/credential-cache.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../record-deed.ts";
import { countLookup, countRead, hotKeyOf, type TokenAnswer } from "./read-token.ts";

type HotDeps = Pick<Deps, "hotCredentials" | "metrics" | "now">;

/**
 * What this isolate answered the same caller a few seconds ago; null when it did not, or the credential is due.
 * For at most `HOT_CACHE_SECONDS` it may outlive a change made in another isolate.
 */
export async function readHotToken(
  deps: HotDeps & Pick<Deps, "audit">,
  caller: Caller,
  id: ConnectionId,
): Promise<TokenAnswer | null> {
  const hot = recallToken(deps, caller, id);
  if (hot === null) return null;
  await countRead(deps, caller, hot.connection);
  return { ...hot, refreshed: false };
}

/** The same without counting a read: for what stays inside the broker. */
export function recallToken(deps: HotDeps, caller: Caller, id: ConnectionId): HotCredential | null {
  const kept = deps.hotCredentials.read(hotKeyOf(caller, id));
  const hot = kept === null || isDue(kept.credential, deps.now()) ? null : kept;
  countLookup(deps, "isolate", hot);
  return hot;
}
