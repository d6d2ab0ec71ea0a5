import { createHash, randomBytes } from "node:crypto";
import { startSandbox } from "../../local/sandbox/server.ts";
import { rewriteForBrowser } from "../../src/adapters/http/find-target.ts";
import { createUpstream } from "../../src/adapters/http.ts";
import { epochSeconds } from "../../src/domain/time.ts";
import { customProviderSettings } from "../../src/providers/custom-settings.ts";
import type { Acquired, CodeExchange, ConsentChoice, Provider, ProviderContext } from "../../src/providers/provider.ts";
import { createRegistry } from "../../src/providers/registry.ts";
import { approveConsent, type ConsentOptions } from "../support/consent.ts";

const PUBLIC_URL = "https://aurora.example.com";
export const EXTERNAL_ID = "6f1b0e5c-2f0e-4a3b-9c1d-3f5a7b9d1e2f";

export interface Call {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status: number | null;
  readonly endpoint: string | null;
  readonly grant_type?: string;
}

/** The providers of this deployment, playing against the sandbox through the real adapter. */
export async function startProviders() {
  const sandbox = await startSandbox({ port: 0, dataDir: null, redirectUris: (uri) => uri.startsWith(PUBLIC_URL) });
  const registry = createRegistry(
    customProviderSettings.parse(JSON.parse(sandbox.settings["CUSTOM_PROVIDERS"] ?? "[]")),
  );
  const send = createUpstream({
    fetch: (url, init) => fetch(url, init),
    providerOrigins: sandbox.origins,
    publicUrl: PUBLIC_URL,
  });

  const post = (path: string, body: unknown) =>
    fetch(`${sandbox.address}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });

  function context(timeoutMs?: number): ProviderContext {
    return {
      send: (request, options) => send(request, { ...options, ...(timeoutMs !== undefined && { timeoutMs }) }),
      now: epochSeconds(Date.now() / 1000),
      settings: sandbox.settings,
      awsExternalId: EXTERNAL_ID,
    };
  }

  /** Asks a person for consent and comes back with what the browser brought. */
  async function consent(
    provider: Provider,
    options: ConsentOptions & { readonly choice?: ConsentChoice; readonly scopes?: readonly string[] } = {},
  ): Promise<CodeExchange> {
    const { authorization } = provider;
    const { scopes = provider.scopes } = options;
    if (authorization === null) throw new Error("no consent at this provider");
    const [state, codeVerifier] = [randomBytes(32).toString("base64url"), randomBytes(32).toString("base64url")];
    const codeChallenge = createHash("sha256").update(codeVerifier).digest("base64url");
    const redirectUri = `${PUBLIC_URL}${authorization.callbackPath}`;
    const choice = authorization.options?.parse(options.choice ?? {}) ?? {};
    const url = await authorization.authorizeUrl({ state, redirectUri, codeChallenge, scopes, choice }, context());
    const { finalLocation } = await approveConsent(rewriteForBrowser(url, sandbox.origins).href, options);
    return { callback: new URL(finalLocation).searchParams, state, redirectUri, codeVerifier, choice };
  }

  return {
    find(id: string): Provider {
      const provider = registry.find(id);
      if (provider === null) throw new Error(`no provider ${id}`);
      return provider;
    },
    context,
    consent,
    /** What `connect` of this provider takes, as the sandbox knows it. */
    async credentials(id: string, kind: "good" | "keys" | "refused" = "good"): Promise<Record<string, string>> {
      const answer = await fetch(`${sandbox.address}/_credentials${kind === "good" ? "" : `?${kind}`}`);
      return ((await answer.json()) as Record<string, Record<string, string>>)[id] ?? {};
    },
    /** Connects by these credentials, or by consent when there are none. */
    async acquire(
      provider: Provider,
      credentials: Record<string, string> | null,
      timeoutMs?: number,
    ): Promise<Acquired> {
      if (credentials !== null && provider.connect !== null) {
        const proven = await provider.connect(credentials, context(timeoutMs));
        return provider.provision?.(proven, null, context(timeoutMs)) ?? proven;
      }
      const exchange = await consent(provider);
      return (provider.authorization as NonNullable<Provider["authorization"]>).exchange(exchange, context(timeoutMs));
    },
    async calls(id: string): Promise<Call[]> {
      const answer = await fetch(`${sandbox.address}/_calls?provider=${id}`);
      return ((await answer.json()) as { calls: Call[] }).calls;
    },
    async fault(fault: Record<string, unknown>): Promise<void> {
      const answer = await post("/_faults", fault);
      if (!answer.ok) throw new Error(await answer.text());
    },
    tokens: (settings: Record<string, unknown>) => post("/_tokens", settings),
    reset: () => post("/_reset", {}),
    stop: sandbox.stop,
  };
}

export type PlayedProviders = Awaited<ReturnType<typeof startProviders>>;
