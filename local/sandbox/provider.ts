import type { State } from "./state.ts";
import type { TokenSettings } from "./token-settings.ts";
import type { Answer, WireRequest } from "./wire.ts";

export type Endpoint = "authorize" | "token" | "api" | "revoke";

/** One documented call of a provider. */
export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Exact host, or a pattern where the host carries a name (region, stack). Patterns must be anchored. */
  readonly host: string | RegExp;
  readonly path: string | RegExp;
  /** What the call counts as, in `/_calls` and for faults. Null: a page of the sandbox itself, not counted. */
  readonly endpoint: Endpoint | null | ((request: WireRequest) => Endpoint);
  readonly handle: (request: WireRequest) => Answer | Promise<Answer>;
}

/** A provider as the sandbox plays it. Everything a caller needs to know about it is data. */
export interface SandboxProvider {
  readonly id: string;
  /** The real origins it answers for. */
  readonly origins: readonly string[];
  /** Operator settings the Worker needs to use it. */
  readonly settings: Readonly<Record<string, string>>;
  /** A body `POST /api/v1/providers/{id}/connect` takes; for consent flows the emails that can be used. */
  readonly credentials: () => Readonly<Record<string, unknown>>;
  /** For a provider with a consent page: the body `connect` takes, where it takes a key too. */
  readonly keyCredentials?: () => Readonly<Record<string, unknown>>;
  /** The same for an account the provider knows but gives no permission. */
  readonly refusedCredentials?: () => Readonly<Record<string, unknown>>;
  /** First match wins. */
  readonly routes: readonly Route[];
  /** Controls of its own, beside those of all: `"POST _projects"`. */
  readonly controls?: Readonly<Record<string, (request: WireRequest) => Answer>>;
}

/** What a provider is built from. */
export interface SandboxContext {
  readonly state: State;
  readonly now: () => number;
  readonly isRedirectUriAllowed: (uri: string) => boolean;
  /** The settings `POST /_tokens` changes; call it at issue time, never keep the answer. */
  readonly tokenSettings: (defaults: TokenSettings) => () => TokenSettings;
  /** A random secret made once and kept with the state, so that the source holds none. */
  readonly secret: (name: string, make: () => string) => string;
}

export type CreateProvider = (context: SandboxContext) => SandboxProvider | Promise<SandboxProvider>;
