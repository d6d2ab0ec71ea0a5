import { answerKv } from "./kv-routes.ts";
import { type Reply, replyErrors } from "./replies.ts";
import { answerLogin, answerOpen, answerSystem } from "./system-routes.ts";
import type { VaultRequest } from "./vault-request.ts";
import type { VaultState } from "./vault-state.ts";

/**
 * Answers one call of Vault's API, in Vault's order: what is open, the seal, the login, the token, the path.
 *
 * @see https://developer.hashicorp.com/vault/api-docs
 */
export function answer(state: VaultState, request: VaultRequest): Reply {
  if (!request.path.startsWith("/v1/")) return replyErrors(404);
  if (!request.segments) return replyErrors(400, "relative paths not supported");

  const open = answerOpen(state, request);
  if (open) return open;
  if (state.sealed) return replyErrors(503, "Vault is sealed");
  if (!request.body) return replyErrors(400, "error parsing JSON");
  const login = answerLogin(state, request);
  if (login) return login;

  const token = state.tokens.find(request.token);
  if (!token) return replyErrors(403, "permission denied");
  return (
    answerSystem(state, request, token) ??
    answerKv(state.secrets, request, new Date()) ??
    replyErrors(404, `no handler for route "${request.segments.join("/")}". route entry not found.`)
  );
}
