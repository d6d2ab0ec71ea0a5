/// <reference path="./oidc-provider.d.ts" />
import type { Adapter, AdapterPayload } from "oidc-provider";
import type { State } from "../state.ts";

/** Models that carry a `grantId` and die with it. */
const GRANT_MEMBERS = ["AccessToken", "AuthorizationCode", "RefreshToken"];

/** Nothing is kept of a session: each authorization starts signed out, so that any account can be chosen. */
const UNKEPT_MODELS = ["Session"];

/**
 * Keeps what oidc-provider issues in the sandbox's state, so that grants survive a restart.
 *
 * @param prefix       Key prefix, one per authorization server.
 * @param graceSeconds For this long after its first use a rotated refresh token is shown as unused.
 * @see https://github.com/panva/node-oidc-provider/blob/main/example/my_adapter.js
 */
export function createAdapter(
  state: State,
  prefix: string,
  now: () => number,
  graceSeconds: () => number,
): (model: string) => Adapter {
  return (model) => {
    const keyOf = (id: string) => `${prefix}/${model}/${id}`;
    const read = (id: string) => state.get(keyOf(id)) as AdapterPayload | null;
    const lifeOf = (payload: AdapterPayload) => (typeof payload["exp"] === "number" ? payload["exp"] * 1000 : null);
    return {
      async upsert(id, payload, expiresInSeconds) {
        if (UNKEPT_MODELS.includes(model)) return;
        state.set(keyOf(id), payload, expiresInSeconds === undefined ? null : now() + expiresInSeconds * 1000);
      },
      async find(id) {
        const payload = read(id);
        if (!payload) return undefined;
        return model === "RefreshToken" ? hideUseWithinGrace(payload, now(), graceSeconds()) : payload;
      },
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
      async consume(id) {
        const payload = read(id);
        // The first use starts the grace; using it again must not prolong it.
        if (!payload || payload.consumed) return;
        state.set(keyOf(id), { ...payload, consumed: Math.floor(now() / 1000), consumedAtMs: now() }, lifeOf(payload));
      },
      destroy: async (id) => state.delete(keyOf(id)),
      revokeByGrantId: async (grantId) => revokeGrant(state, prefix, grantId),
    };
  };
}

/** Ends every grant an account gave: no token issued under one of them works again. */
export function revokeAccount(state: State, prefix: string, accountId: string): void {
  for (const key of state.keys(`${prefix}/Grant/`)) {
    if ((state.get(key) as AdapterPayload | null)?.accountId !== accountId) continue;
    revokeGrant(state, prefix, key.slice(`${prefix}/Grant/`.length));
  }
}

function revokeGrant(state: State, prefix: string, grantId: string): void {
  for (const key of GRANT_MEMBERS.flatMap((model) => state.keys(`${prefix}/${model}/`))) {
    if ((state.get(key) as AdapterPayload | null)?.grantId === grantId) state.delete(key);
  }
  state.delete(`${prefix}/Grant/${grantId}`);
}

function hideUseWithinGrace(payload: AdapterPayload, nowMs: number, graceSeconds: number): AdapterPayload {
  const usedAtMs = payload["consumedAtMs"];
  if (typeof usedAtMs !== "number" || nowMs - usedAtMs >= graceSeconds * 1000) return payload;
  const { consumed: _consumed, ...rest } = payload;
  return rest;
}
