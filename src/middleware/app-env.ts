import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Connection } from "../domain/connection.ts";
import type { AppError } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import type { Deps } from "../services/deps.ts";

/** What middleware leaves for the routes behind it. */
export interface AppVariables {
  readonly deps: Deps;
  /** Ours, `req_` and 32 hex digits; a caller's is not trusted. */
  readonly requestId: string;
  /** The caller's address as Cloudflare saw it; null when it is unknown. */
  readonly ip: string | null;
  /** Set on every route that is not open. */
  readonly principal: Principal;
  /** The connection read while the caller was proven: null = not theirs to see; undefined = none was read. */
  readonly foundConnection: Connection | null | undefined;
  /** How a person at a browser is told of a refusal; undefined where no page is shown. */
  readonly renderRefusal: ((refusal: AppError, status: ContentfulStatusCode) => Response) | undefined;
  /** True once a refusal of this request is in the audit log. */
  readonly isRefusalCounted: true | undefined;
}

export interface AppEnv {
  readonly Bindings: {
    /** Builds the dependencies of this request. @throws `misconfigured` */
    readonly createDeps: () => Deps;
  };
  readonly Variables: AppVariables;
}
