import type { SecretPlace } from "../../domain/secret-ref.ts";

/**
 * The path of a secret under one of KV v2's endpoints, e.g. `/v1/aurora/data/users/aurora-dev-…-token`.
 *
 * @throws RangeError for a segment that is empty, `.` or `..`: `new URL` resolves those, also when they are escaped, and
 *         one secret's path would reach another's. References are parsed by a strict grammar before; this is the second lock.
 */
export function createSecretPath(endpoint: "data" | "metadata", place: SecretPlace): string {
  const segments = [place.mount, endpoint, ...place.path.split("/")];
  if (segments.some((segment) => ["", ".", ".."].includes(decodeDots(segment)))) {
    throw new RangeError("unsafe secret path");
  }
  return `/v1/${segments.map(encodeURIComponent).join("/")}`;
}

/** WHATWG URL takes `%2e` for a dot, so a segment of those counts as dots before it is escaped too. */
function decodeDots(segment: string): string {
  return segment.replace(/%2e/gi, ".").trim();
}
