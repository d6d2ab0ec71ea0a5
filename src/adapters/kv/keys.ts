import type { ConnectionId } from "../../domain/ids.ts";

/** Every key of the `SECRET_CACHE` namespace; docs/storage.md lists them. */
export function credentialKey(id: ConnectionId, version: number): string {
  return `cred:${id}:v${version}`;
}

/** Never written: reading it shows that the namespace answers. */
export const HEALTH_KEY = "health";
