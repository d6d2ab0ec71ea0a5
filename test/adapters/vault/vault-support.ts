import type { VaultConnection } from "../../../src/adapters/vault/exchange.ts";
import type { SecretPlace } from "../../../src/domain/secret-ref.ts";

/** A connection to a server that really listens, with the real clock. */
export function connectTo(address: string, overrides: Partial<VaultConnection> = {}): VaultConnection {
  return {
    fetch: (request) => fetch(request),
    address,
    namespace: null,
    random: Math.random,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: Date.now,
    ...overrides,
  };
}

/** Makes one answer, or fails as a network does. */
export type PlannedAnswer = () => Response | Promise<Response>;

/** A connection whose answers are given in order, the last one repeated, and whose clock moves only by sleeping. */
export function connectToAnswers(...answers: readonly PlannedAnswer[]): {
  readonly connection: VaultConnection;
  readonly requests: Request[];
  readonly sleeps: number[];
} {
  const requests: Request[] = [];
  const sleeps: number[] = [];
  let nowMs = 1_000_000;
  const connection: VaultConnection = {
    fetch: async (request) => {
      requests.push(request);
      const answer = answers[Math.min(requests.length, answers.length) - 1];
      if (!answer) throw new Error("no answer planned");
      return await answer();
    },
    address: "https://vault.test:8200",
    namespace: null,
    random: () => 0.5,
    sleep: async (ms) => {
      sleeps.push(ms);
      nowMs += ms;
    },
    now: () => nowMs,
  };
  return { connection, requests, sleeps };
}

/** A JSON answer. */
export function json(status: number, body: unknown): () => Response {
  return () => new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}

/** Sends one call of Vault's API with a token. */
export async function callVault(address: string, token: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: { "x-vault-token": token },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, body: text === "" ? null : JSON.parse(text) };
}

/** Deletes the newest version as another client of the same Vault would. */
export async function deleteNewest(address: string, token: string, place: SecretPlace): Promise<void> {
  await callVault(address, token, "DELETE", `/v1/${place.mount}/data/${place.path}`);
}
