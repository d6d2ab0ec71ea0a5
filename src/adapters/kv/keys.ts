import type { ConnectionId } from "../../domain/ids.ts";

/** Every key of the `SECRET_CACHE` namespace; docs/storage.md lists them. */
export function credentialKey(id: ConnectionId, version: number): string {
  return `${credentialPrefix(id)}v${version}`;
}

/** What the keys of a connection's copies begin with, whatever the version. */
export function credentialPrefix(id: ConnectionId): string {
  return `cred:${id}:`;
}

/** Never written: reading it shows that the namespace answers. */
export const HEALTH_KEY = "health";
