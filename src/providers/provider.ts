import type { z } from "zod";
import { readText } from "../domain/json.ts";
import type { SendUpstream } from "../domain/ports/upstream.ts";
import type { EpochSeconds } from "../domain/time.ts";
import type { SecretData, TokenData } from "../domain/token-data.ts";

/** How a connection to a provider is made. The names are part of the wire contract. */
export type ProviderKind =
  | "authorization_code"
  | "client_credentials"
  | "service_principal"
  | "assume_role"
  | "api_key";

/** What is begun by itself once a consent became a connection. `gcp_setup`: Google Cloud's seven steps. */
export type AfterConnect = "gcp_setup";

/** What the code of a provider may use. Everything else is in its own file. */
export interface ProviderContext {
  readonly send: SendUpstream;
  readonly now: EpochSeconds;
  /** The operator's settings the provider asked for in `settings`, by name; a missing one is absent. */
  readonly settings: Readonly<Record<string, string>>;
  /** The workspace's own external id, made here and never accepted from a client. */
  readonly awsExternalId: string;
}

/** A credential that was proven against the provider just now. */
export interface Acquired {
  /** The whole secret: the fields of `exposes`, what a refresh needs, and `expires_at` (epoch seconds) when it expires. */
  readonly secret: SecretData;
  /** The provider's own account id or address, `""` where it has none. */
  readonly account: string;
  /** Identifies the upstream grant among all workspaces, so that revoking one does not end another; null = not known. */
  readonly upstreamAccount: string | null;
  readonly scopes: readonly string[];
  /** Not secret: what a list shows of it besides the account. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What was chosen for one consent beside its scopes, as `AuthorizationFlow.options` parsed it; mostly nothing. */
export type ConsentChoice = Readonly<Record<string, string>>;

/** The part of a consent a provider needs to exchange its code. */
export interface CodeExchange {
  /** The callback's query, as it arrived. */
  readonly callback: URLSearchParams;
  readonly state: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
  /** What was asked for: it counts as granted when the provider does not name what it granted. Default: the provider's. */
  readonly scopes?: readonly string[];
  readonly choice?: ConsentChoice;
}

/** A provider whose consent is given in a browser (RFC 6749 section 4.1; with PKCE S256 unless the provider refuses that). */
export interface AuthorizationFlow {
  /** Our callback path: the seed's own where the seed names one. */
  readonly callbackPath: string;
  /** What `authorize` takes as `options`, strict, text to text: a region decides the host. Absent: it takes none. */
  readonly options?: z.ZodType<ConsentChoice>;
  /** Operator settings that this consent needs and other ways of connecting do not. Absent: none. */
  readonly settings?: (choice: ConsentChoice) => readonly string[];
  /** The provider's consent page for this handshake. @throws `provider_unavailable` when its metadata cannot be read. */
  authorizeUrl(
    request: {
      readonly state: string;
      readonly redirectUri: string;
      readonly codeChallenge: string;
      readonly scopes: readonly string[];
      readonly choice?: ConsentChoice;
    },
    context: ProviderContext,
  ): Promise<URL>;
  /** Spends the code. @throws `provider_rejected`, `provider_unavailable`; a code is never sent twice. */
  exchange(exchange: CodeExchange, context: ProviderContext): Promise<Acquired>;
}

/** How a credential travels on a proxied request. Every `field` is one of `exposes`. */
export type Injection =
  | { readonly kind: "bearer"; readonly field: string }
  | { readonly kind: "basic"; readonly user: string; readonly password: string }
  /** Header names to fields, all of which must be there. */
  | { readonly kind: "headers"; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "cookie"; readonly name: string; readonly field: string }
  /** AWS Signature Version 4 with temporary keys. */
  | { readonly kind: "sigv4" };

/**
 * One provider: data, and the few functions that are its quirks.
 *
 * Errors of every function: `provider_rejected` (the provider said no to these credentials or this request),
 * `provider_unavailable` (no usable answer; retry is safe, `retryAfterSeconds` when the provider named one).
 */
export interface Provider {
  /** Lower case letters, digits and underscores. */
  readonly id: string;
  readonly name: string;
  readonly kind: ProviderKind;
  readonly docsUrl: string;
  /** Exact host names the proxy may send the credential to; the first is the default. */
  readonly apiHosts: readonly string[];
  /** Which of `apiHosts` a credential belongs to, where its region or site decides that; null = the first. */
  readonly apiHost?: (tokenData: TokenData) => string | null;
  /** Tried in order: the first whose fields are there. Default: by `kind`, see `injectionsOf`. */
  readonly inject?: readonly Injection[];
  /** Default scopes, for kinds that have them. */
  readonly scopes: readonly string[];
  /** The fields of the secret that a caller gets as `token_data`, the credential itself first; nothing else leaves the broker. */
  readonly exposes: readonly string[];
  /** Names of the operator settings without which the provider is not configured. */
  readonly settings: readonly string[];
  /** More settings it uses when they are there: only one of its ways of connecting needs them. */
  readonly optionalSettings?: readonly string[];
  /** The body `connect` takes, strict; null for a provider that has a consent page only. */
  readonly credentials: z.ZodObject | null;
  /** Which fields a stored `token_data` must have to be usable; `POST /api/v1/tokens` checks by it. */
  readonly storable: z.ZodObject;
  readonly authorization: AuthorizationFlow | null;
  /** Proves what `credentials` parsed and answers what to store; null for a provider that has a consent page only. */
  readonly connect:
    | ((credentials: Readonly<Record<string, unknown>>, context: ProviderContext) => Promise<Acquired>)
    | null;
  /**
   * Prepares what a proven credential needs at the provider, once it is known what it replaces: keys of our own, a tag.
   * What cannot be prepared is said in `metadata.warning`; it does not fail the connection.
   *
   * @param previous The secret of the connection it replaces; null for a new one.
   */
  readonly provision?: (acquired: Acquired, previous: SecretData | null, context: ProviderContext) => Promise<Acquired>;
  /** What a connection made by consent needs done at the provider afterwards, however long it takes. Absent: nothing. */
  readonly afterConnect?: AfterConnect;
  /**
   * The field of the secret that says (RFC 3339) when what the person gave ends, which a refresh cannot mend: it is shown
   * on the connection and warned of. Absent: such credentials do not end, or nobody can say when.
   */
  readonly credentialEnd?: string;
  /** True for a secret that never ends, although others of this provider are renewed. It is never refreshed. */
  readonly isStatic?: (secret: SecretData) => boolean;
  /**
   * A fresh secret from a stored one; null when there is nothing to refresh (keys).
   * The answer replaces the stored secret whole: it keeps what the provider did not send again (a refresh token absent or empty).
   *
   * @throws `reauth_required` when the grant itself was refused (`invalid_grant`): only a person can mend that.
   */
  readonly refresh: ((secret: SecretData, context: ProviderContext) => Promise<SecretData>) | null;
  /** Takes the credential down at the provider; null where it has no such call. */
  readonly revoke: ((secret: SecretData, context: ProviderContext) => Promise<void>) | null;
}

/** The host a stored credential belongs to when it is the user's own (Grafana …); checked when stored and at each use. */
export const BASE_URL_FIELD = "base_url";

/** True when the provider can renew this secret: keys and static tokens stay what they are. */
export function isRefreshable({ refresh, isStatic }: Provider, secret: SecretData): boolean {
  return refresh !== null && isStatic?.(secret) !== true;
}

/**
 * True when a stored secret is only what a credential is made from (the seed stores an AWS role or an Azure service
 * principal so): a refresh makes the first credential, and is due at once.
 */
export function lacksCredential(provider: Provider, secret: SecretData): boolean {
  const [credential] = provider.exposes;
  return isRefreshable(provider, secret) && credential !== undefined && readText(secret, credential) === null;
}

/** The providers of a deployment: the built-in ones and the operator's own. */
export interface ProviderRegistry {
  list(): readonly Provider[];
  /** Null for an unknown id. */
  find(id: string): Provider | null;
}
