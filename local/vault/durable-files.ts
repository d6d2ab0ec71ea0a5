import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Ends the name of a file being written; one left behind by a kill holds nothing that was acknowledged. */
export const UNFINISHED = ".unfinished";

/**
 * Puts `bytes` in `path` so that a kill or power cut at any point leaves either the old file or the new one whole.
 * The folder is synchronised too, since a rename is an entry in it.
 */
export function writeDurably(path: string, bytes: Uint8Array, mode: number): void {
  const unfinished = `${path}${UNFINISHED}`;
  const file = openSync(unfinished, "w", mode);
  try {
    writeFileSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
  syncFolder(dirname(path));
}

/** Makes what was renamed or removed in a folder outlive a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
