/** Credentials in the shape `connect` takes. */
export type Credentials = Readonly<Record<string, string>>;

/** What is particular to a provider, or to one of its ways of connecting; everything else is the same for all of them. */
export interface Row {
  readonly id: string;
  /** A provider with a consent page has a second row for the key it also takes. */
  readonly by?: "key";
  /** The calls a connect makes, in order. */
  readonly calls: readonly string[];
  /** The endpoint a connect uses last: where a fault must stop it. */
  readonly endpoint: "token" | "api";
  /** Credentials a person may get wrong: each must be refused by the provider. */
  readonly wrong: Readonly<Record<string, Credentials | ((given: Credentials) => Credentials)>>;
  /** Credentials that are not of the shape: each must be refused before anybody is called. */
  readonly malformed?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What is said of a credential the provider knows and gives no permission. */
  readonly powerless?: RegExp;
  readonly account: string | RegExp;
  readonly refreshCalls: readonly string[];
}
