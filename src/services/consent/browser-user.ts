import type { Deps } from "../deps.ts";
import { authenticateCaller } from "../identity/authenticate-caller.ts";

/** The user a browser is signed in as, by its cookie alone; null when it is signed out or the session has ended. */
export async function findBrowserUser(
  deps: Pick<Deps, "identities" | "metrics" | "prover" | "sessionTokens" | "sha256">,
  cookies: readonly string[],
): Promise<string | null> {
  const caller = await authenticateCaller(deps, { bearer: null, cookies, apiKey: null, actAs: null }, null);
  return caller.ok ? caller.principal.id : null;
}
