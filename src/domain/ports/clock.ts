import type { EpochSeconds } from "../time.ts";

export type Now = () => EpochSeconds;

/** `bytes` random bytes from a cryptographic source. */
export type RandomBytes = (bytes: number) => Uint8Array;
