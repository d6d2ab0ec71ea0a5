import type { ApiKeyId, WorkspaceId } from "../ids.ts";

/** From where keys are used, for the watch over abnormal use. */
export interface KeySightings {
  /** Notes it without keeping the caller waiting; `ip` null = not known. Never throws. */
  note(workspaceId: WorkspaceId, key: ApiKeyId, ip: string | null): void;
}
