import type { Route, SandboxProvider } from "./provider.ts";
import type { WireRequest } from "./wire.ts";

export interface FoundRoute {
  readonly provider: SandboxProvider;
  /** Null: the provider has the path, with other methods. */
  readonly route: Route | null;
  readonly allowedMethods: readonly string[];
}

/** The provider that answers this host and path, and its route for the method; null when nobody does. */
export function findRoute(providers: readonly SandboxProvider[], request: WireRequest): FoundRoute | null {
  for (const provider of providers) {
    const candidates = provider.routes.filter(
      (route) => matches(route.host, request.host) && matches(route.path, request.path),
    );
    if (candidates.length === 0) continue;
    const route = candidates.find((candidate) => candidate.method === request.method) ?? null;
    return { provider, route, allowedMethods: candidates.map((candidate) => candidate.method) };
  }
  return null;
}

function matches(pattern: string | RegExp, text: string): boolean {
  return typeof pattern === "string" ? pattern === text : pattern.test(text);
}
