import type { State } from "./state.ts";

/** How a provider issues tokens from now on. */
export interface TokenSettings {
  readonly provider: string;
  /** Lifetime of the next access tokens, in seconds, at least 1. */
  readonly expires_in: number;
  /** Whether using a refresh token replaces it. Ignored by providers without refresh tokens. */
  readonly rotate: boolean;
  /** For this long a replaced refresh token still works; after that its use ends the whole grant. */
  readonly grace_seconds: number;
}

export interface TokenSettingsBook {
  register(defaults: TokenSettings): () => TokenSettings;
  /** Changes what `raw` names. Returns a sentence saying what is wrong, or null. */
  change(raw: Readonly<Record<string, unknown>>): string | null;
  reset(): void;
  all(): TokenSettings[];
}

/** The settings of every provider, kept with the state so that a restart does not change how tokens rotate. */
export function createTokenSettings(state: State): TokenSettingsBook {
  const defaults = new Map<string, TokenSettings>();
  const read = (provider: string): TokenSettings | null => {
    const base = defaults.get(provider);
    return base ? { ...base, ...(state.get(keyOf(provider)) as Partial<TokenSettings> | null) } : null;
  };

  return {
    register(base) {
      defaults.set(base.provider, base);
      return () => read(base.provider) ?? base;
    },
    change(raw) {
      const current = typeof raw["provider"] === "string" ? read(raw["provider"]) : null;
      if (!current) return `provider must be one of ${[...defaults.keys()].join(", ")}`;
      const next = { ...current, ...raw } as TokenSettings;
      const problem = findProblem(next, Object.keys(raw));
      if (!problem) state.set(keyOf(current.provider), next, null);
      return problem;
    },
    reset: () => {
      for (const provider of defaults.keys()) state.delete(keyOf(provider));
    },
    all: () => [...defaults.keys()].map((provider) => read(provider)).filter((entry) => entry !== null),
  };
}

function findProblem(settings: TokenSettings, names: readonly string[]): string | null {
  const unknown = names.find((name) => !["provider", "expires_in", "rotate", "grace_seconds"].includes(name));
  if (unknown !== undefined) return `unknown field ${unknown}`;
  if (!Number.isInteger(settings.expires_in) || settings.expires_in < 1)
    return "expires_in must be a whole number >= 1";
  if (typeof settings.rotate !== "boolean") return "rotate must be true or false";
  if (typeof settings.grace_seconds !== "number" || !(settings.grace_seconds >= 0)) return "grace_seconds must be >= 0";
  return null;
}

function keyOf(provider: string): string {
  return `token-settings/${provider}`;
}
