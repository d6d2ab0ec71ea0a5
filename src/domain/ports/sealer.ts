/** What a sealed text is for. Each has its own key, so that a text sealed for one never opens as another. */
export type SealPurpose = "cache" | "escrow" | "handshake";

/**
 * Authenticated encryption with a key ring: the first key seals, every key opens.
 * The text names its key (8 hex digits), never the key's material.
 */
export interface Sealer {
  /** @param context Bound into the text (AES-GCM additional data); opening needs the very same. */
  seal(purpose: SealPurpose, context: string, plain: string): Promise<string>;
  /** The plain text; null when the text was changed, planted, sealed for another context or by a retired key. */
  open(purpose: SealPurpose, context: string, sealed: string): Promise<string | null>;
}
