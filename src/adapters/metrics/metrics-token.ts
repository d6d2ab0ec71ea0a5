import type { Secret } from "../../domain/secret.ts";

/** Says whether what somebody presented is the token of `/metrics`. */
export type MetricsToken = (presented: string) => Promise<boolean>;

/**
 * Compares in constant time: the digests, so that not even the length shows.
 *
 * @param token  Null = not set; nothing is it.
 * @param sha256 In lower-case hex.
 */
export function createMetricsToken(
  token: Secret<string> | null,
  sha256: (text: string) => Promise<string>,
): MetricsToken {
  return async (presented) => {
    if (token === null) return false;
    const [expected, given] = await Promise.all([sha256(token.reveal()), sha256(presented)]);
    let difference = expected.length ^ given.length;
    for (let index = 0; index < expected.length; index++) {
      difference |= expected.charCodeAt(index) ^ given.charCodeAt(index);
    }
    return difference === 0;
  };
}
