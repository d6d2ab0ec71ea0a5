import type { Connection } from "../../domain/connection.ts";
import { warnOfEnd } from "../../domain/credential-end.ts";
import { AppError } from "../../domain/errors.ts";
import type { Deps } from "../deps.ts";

/** @throws `reauth_required` for a connection that only a person can mend. */
export function requireAlive(deps: Pick<Deps, "now">, connection: Connection): void {
  if (connection.status === "reauth_required") throw describeDeath(deps, connection);
}

/** Why nothing can be read of a connection whose grant is dead, as far as that is known. */
export function describeDeath({ now }: Pick<Deps, "now">, { credentialExpiresAt }: Connection): AppError {
  const end = warnOfEnd(credentialExpiresAt, now());
  const message =
    end?.code === "client_secret_expired"
      ? end.message
      : "The provider no longer accepts this connection; connect the account again.";
  return new AppError("reauth_required", message);
}
