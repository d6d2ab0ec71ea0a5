import type { StatementResult, Transaction } from "./protocol.ts";

/** Who the connection string says is asking. */
export interface Login {
  readonly role: string;
  readonly password: string;
}

/** Where statements run. */
export interface Backend {
  /**
   * Runs every statement in one transaction as the role that logged in; nothing stays when one of them fails.
   *
   * @throws SqlError, or the database's own error, with a SQLSTATE in `code`.
   */
  run(login: Login, transaction: Transaction): Promise<readonly StatementResult[]>;
  stop(): Promise<void>;
}

/** The login in a `postgres://` URL; null when it is not one. */
export function readLogin(connectionString: string): Login | null {
  if (!/^postgres(ql)?:\/\//.test(connectionString) || !URL.canParse(connectionString)) return null;
  const url = new URL(connectionString);
  try {
    return { role: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  } catch {
    return null;
  }
}
