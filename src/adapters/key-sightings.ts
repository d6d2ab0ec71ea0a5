import { networkOf } from "../domain/address.ts";
import type { AuditLogObject } from "../domain/audit-chain.ts";
import type { KeySightings } from "../domain/ports/key-sightings.ts";
import type { RecentSightings } from "./memory/recent-sightings.ts";

export interface KeySightingsOptions {
  /** The `AuditLog` object of that workspace. */
  readonly find: (chain: string) => Pick<AuditLogObject, "sight">;
  /** One per isolate. */
  readonly recent: RecentSightings;
  /** Lets work outlive the response. */
  readonly defer: (work: Promise<unknown>) => void;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Tells a workspace's audit log from which networks its keys are used: each network of a key once an hour and isolate. */
export function createKeySightings({ find, recent, defer, nowMs }: KeySightingsOptions): KeySightings {
  async function tell(chain: string, key: Parameters<AuditLogObject["sight"]>[1], ip: string, name: string) {
    try {
      const outcome = await find(chain).sight(chain, key, ip);
      if (outcome.ok) return;
    } catch {
      // Told again at the key's next call: what is lost is a little time.
    }
    recent.forget(name);
  }

  return {
    note: (workspaceId, key, ip) => {
      const network = ip === null ? null : networkOf(ip);
      const name = `${key} ${network}`;
      if (ip !== null && network !== null && recent.isNew(name, nowMs())) defer(tell(workspaceId, key, ip, name));
    },
  };
}
