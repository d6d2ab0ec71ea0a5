/** Credentials in the shape `connect` takes. */
export type Credentials = Readonly<Record<string, string>>;

/** How to come by a credential the provider knows and gives no permission, and what is said of it. */
export type Powerless =
  /** The one the sandbox keeps for this. */
  | { readonly kept: true; readonly says: RegExp }
  /** A consent that was given for less. */
  | { readonly asking: readonly string[]; readonly says: RegExp }
  /** Any: the call that tells whose it is answers so. */
  | { readonly answering: 403; readonly says: RegExp }
  /** There is none, and why: no call of a connect needs a permission. */
  | { readonly never: string };

/** What is particular to a provider, or to one of its ways of connecting; everything else is the same for all of them. */
export interface Row {
  readonly id: string;
  /** A provider with a consent page has a second row for the key it also takes. */
  readonly by?: "key";
  /** The calls a connect makes, in order. */
  readonly calls: readonly string[];
  /** The endpoints a connect uses, in order: a fault at any must stop it. */
  readonly endpoints: readonly ("token" | "api")[];
  /** Credentials a person may get wrong: each must be refused by the provider. None for a consent, whose code is tried. */
  readonly wrong: Readonly<Record<string, Credentials | ((given: Credentials) => Credentials)>>;
  /** Credentials that are not of the shape: each must be refused before anybody is called. None for a consent, likewise. */
  readonly malformed: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly powerless: Powerless;
  readonly account: string | RegExp;
  readonly refreshCalls: readonly string[];
}
