import type { Handshake } from "../../domain/handshake.ts";
import type { Acquired } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import { revokeGrant } from "./revoke-grant.ts";

type DropDeps = Pick<Deps, "connections" | "handshakes" | "now" | "providerSettings" | "providers" | "send" | "sha256">;

/** Ends a grant that could not be kept. Never throws: why it could not be kept is what the caller must hear. */
export async function dropGrant(deps: DropDeps, handshake: Handshake, acquired: Acquired): Promise<void> {
  try {
    await deps.handshakes.discard(handshake, { ...acquired });
  } catch {
    // Without the consent's object nobody can try later: if this fails as well, the provider ends it in its own time.
    await revokeGrant(deps, handshake, { ...acquired }).catch(() => undefined);
  }
}
