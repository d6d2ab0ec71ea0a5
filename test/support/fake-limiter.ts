import type { LimitName } from "../../src/domain/limits.ts";
import type { Limiter } from "../../src/domain/ports/limiter.ts";

/** Allows `allowed` calls of each key in each bucket, for ever. `taken` lists what was counted, as `bucket:key`. */
export function createFakeLimiter(
  allowed: Partial<Record<LimitName, number>> = {},
): Limiter & { readonly taken: string[] } {
  const taken: string[] = [];
  return {
    taken,
    take: async (name, key) => {
      const limit = allowed[name] ?? 1000;
      taken.push(`${name}:${key}`);
      const used = taken.filter((entry) => entry === `${name}:${key}`).length;
      return {
        allowed: used <= limit,
        limit,
        remaining: Math.max(limit - used, 0),
        resetSeconds: 60,
        degraded: false,
      };
    },
  };
}
