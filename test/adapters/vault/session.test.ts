import { expect, test } from "vitest";
import { createVaultSession } from "../../../src/adapters/vault/session.ts";
import type { VaultSessionObject } from "../../../src/domain/ports/secret-store.ts";

/** An object that counts what it is asked and answers the next token each time. */
function createObject() {
  const asked: string[] = [];
  const answer = (question: string) => {
    asked.push(question);
    return Promise.resolve({ ok: true as const, value: `hvs.${asked.length}` });
  };
  const object: VaultSessionObject = { token: () => answer("token"), refused: (token) => answer(`refused ${token}`) };
  return { object, asked };
}

test("a token is remembered for half a minute", async () => {
  const { object, asked } = createObject();
  let now = 0;
  const session = createVaultSession(object, () => now);
  expect(await session.token()).toBe("hvs.1");
  now = 29_999;
  expect(await session.token()).toBe("hvs.1");
  now = 30_000;
  expect(await session.token()).toBe("hvs.2");
  expect(asked).toEqual(["token", "token"]);
});

test("the replacement of a refused token is remembered instead", async () => {
  const { object, asked } = createObject();
  const session = createVaultSession(object, () => 0);
  const first = await session.token();
  expect(await session.refused(first)).toBe("hvs.2");
  expect(await session.token()).toBe("hvs.2");
  expect(asked).toEqual(["token", "refused hvs.1"]);
});

test("a token refused after another request replaced it asks nothing", async () => {
  const { object, asked } = createObject();
  const session = createVaultSession(object, () => 0);
  const first = await session.token();
  await session.refused(first);
  expect(await session.refused(first)).toBe("hvs.2");
  expect(asked).toHaveLength(2);
});

test("the object's refusal is thrown and not remembered", async () => {
  let isDown = true;
  const refusal = { ok: false, code: "vault_unavailable", message: "down", retryAfterSeconds: null } as const;
  const answer = async () => (isDown ? refusal : ({ ok: true, value: "hvs.1" } as const));
  const session = createVaultSession({ token: answer, refused: answer }, () => 0);
  await expect(session.token()).rejects.toMatchObject({ name: "AppError", code: "vault_unavailable" });
  isDown = false;
  expect(await session.token()).toBe("hvs.1");
});
