import { AppError } from "./errors.ts";

declare const secretRefBrand: unique symbol;
/** Where a secret lives, as Postgres holds it: `vault:kv/data/{mount}/{base path}/{name}`. */
export type SecretRef = string & { readonly [secretRefBrand]: true };

/** The same place as Vault's HTTP API names it: the mount, and the path below it. */
export interface SecretPlace {
  readonly mount: string;
  readonly path: string;
}

const PREFIX = "vault:kv/data/";
/** No dots alone, no percent signs, nothing `new URL` could resolve into another place. */
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,200}$/;

/** Builds the reference of a secret. @throws RangeError when a part is not safe in a path. */
export function createSecretRef(mount: string, basePath: string, name: string): SecretRef {
  const segments = [mount, ...basePath.split("/"), name];
  if (!segments.every((segment) => SEGMENT.test(segment))) throw new RangeError("unsafe secret reference");
  return `${PREFIX}${segments.join("/")}` as SecretRef;
}

/**
 * Finds the place a reference names.
 *
 * @param raw   From Postgres: `vault:kv/data/aurora/users/aurora-dev-…-gcp-token`, or the older
 *              `…/users/{user id}/{provider}`, which is read and never written.
 * @param mount The only mount this deployment may use.
 * @throws `not_found` when it is not a reference into that mount: a row edited by hand reads as absent.
 */
export function parseSecretRef(raw: string, mount: string): SecretPlace {
  const [first, ...rest] = raw.startsWith(PREFIX) ? raw.slice(PREFIX.length).split("/") : [];
  if (first !== mount || rest.length < 2 || !rest.every((segment) => SEGMENT.test(segment))) {
    throw new AppError("not_found", "The stored reference does not name a secret of this deployment.");
  }
  return { mount, path: rest.join("/") };
}

/**
 * The name of a connection's secret: `aurora-{environment}-{owner}-{provider}[-{suffix}]-token`.
 * `suffix` is the first 16 hex digits of SHA-256(connection id), or null while the plain name is free.
 */
export function secretName(environment: string, ownerId: string, provider: string, suffix: string | null): string {
  return ["aurora", environment, ownerId, provider, ...(suffix === null ? [] : [suffix]), "token"].join("-");
}

/** Whether a name is one that {@link secretName} builds in this environment; other systems share the folder. */
export function isConnectionSecretName(environment: string, name: string): boolean {
  const owner = name.startsWith(`aurora-${environment}-`) ? name.slice(`aurora-${environment}-`.length) : "";
  return /^(?:usr|key)_[0-9a-f]{32}-[a-z0-9][a-z0-9_-]*-token$/.test(owner);
}
