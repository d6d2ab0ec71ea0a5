import { beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { epochSeconds } from "../../../src/domain/time.ts";
import {
  createVaultSessionState,
  isUsable,
  nextRenewal,
  readVaultToken,
  renewOrLogin,
  replaceRefusedToken,
  type VaultLogin,
  type VaultSessionDeps,
  type VaultSessionState,
} from "../../../src/services/vault-session.ts";

const START = 1_800_000_000;

let nowSeconds: number;
let state: VaultSessionState;
let logins: number;
let renewals: number;
let deps: VaultSessionDeps;

beforeEach(() => {
  nowSeconds = START;
  state = createVaultSessionState();
  logins = 0;
  renewals = 0;
  deps = {
    login: async () => ({ token: `hvs.${++logins}`, ttlSeconds: 3600, renewable: true }),
    renew: async (token) => {
      renewals++;
      return { token, ttlSeconds: 3600, renewable: true };
    },
    isKnown: async () => false,
    now: () => epochSeconds(nowSeconds),
  };
});

const unavailable = async () => {
  throw new AppError("vault_unavailable", "down");
};

function createLogin(changes: Partial<VaultLogin> = {}): VaultLogin {
  return { token: "hvs.x", obtainedAt: epochSeconds(START), ttlSeconds: 3600, renewable: true, ...changes };
}

describe("when", () => {
  test("a token is renewed at two thirds of its life, and at once when that has passed", () => {
    expect(nextRenewal(createLogin(), epochSeconds(START))).toBe(START + 2400);
    expect(nextRenewal(createLogin(), epochSeconds(START + 3000))).toBe(START + 3000);
  });

  test("a token that does not expire is never renewed and always usable", () => {
    expect(nextRenewal(createLogin({ ttlSeconds: 0 }), epochSeconds(START))).toBeNull();
    expect(isUsable(createLogin({ ttlSeconds: 0 }), epochSeconds(START + 1e8))).toBe(true);
  });

  test("a token is not used in the last twentieth of its life", () => {
    expect(isUsable(createLogin(), epochSeconds(START + 3419))).toBe(true);
    expect(isUsable(createLogin(), epochSeconds(START + 3420))).toBe(false);
  });
});

describe("reading the token", () => {
  test("a hundred first callers share one login", async () => {
    const tokens = await Promise.all(Array.from({ length: 100 }, () => readVaultToken(state, deps)));
    expect(new Set(tokens)).toEqual(new Set(["hvs.1"]));
    expect(logins).toBe(1);
  });

  test("a failed login is not remembered", async () => {
    await expect(readVaultToken(state, { ...deps, login: unavailable })).rejects.toMatchObject({
      code: "vault_unavailable",
    });
    expect(await readVaultToken(state, deps)).toBe("hvs.1");
  });

  test("a token past two thirds of its life is renewed, once for all callers", async () => {
    await readVaultToken(state, deps);
    nowSeconds += 2400;
    await Promise.all(Array.from({ length: 10 }, () => readVaultToken(state, deps)));
    expect({ logins, renewals }).toEqual({ logins: 1, renewals: 1 });
    expect(state.login?.obtainedAt).toBe(START + 2400);
  });

  test("while the store is away the token serves to its end, and not beyond", async () => {
    await readVaultToken(state, deps);
    const away = { ...deps, renew: unavailable, login: unavailable };
    nowSeconds += 3000;
    expect(await readVaultToken(state, away)).toBe("hvs.1");
    nowSeconds += 600;
    await expect(readVaultToken(state, away)).rejects.toMatchObject({ code: "vault_unavailable" });
  });
});

describe("renewing", () => {
  test.each([
    ["refused", async () => null],
    ["short, since the maximum is near", async () => ({ token: "hvs.1", ttlSeconds: 1799, renewable: true })],
  ])("a renewal that is %s becomes a login", async (_, renew) => {
    await readVaultToken(state, deps);
    expect((await renewOrLogin(state, { ...deps, renew })).token).toBe("hvs.2");
  });

  test("a token that is not renewable is replaced without asking", async () => {
    state.login = createLogin({ renewable: false });
    expect((await renewOrLogin(state, deps)).token).toBe("hvs.1");
    expect(renewals).toBe(0);
  });

  test("with no token yet it logs in", async () => {
    expect((await renewOrLogin(state, deps)).token).toBe("hvs.1");
  });
});

describe("a refused token", () => {
  test("is replaced by one login for all who were refused", async () => {
    await readVaultToken(state, deps);
    const tokens = await Promise.all(Array.from({ length: 100 }, () => replaceRefusedToken(state, deps, "hvs.1")));
    expect(new Set(tokens)).toEqual(new Set(["hvs.2"]));
    expect(await replaceRefusedToken(state, deps, "hvs.1")).toBe("hvs.2");
    expect(logins).toBe(2);
  });

  test("that is being renewed meanwhile is replaced all the same", async () => {
    await readVaultToken(state, deps);
    const [, token] = await Promise.all([renewOrLogin(state, deps), replaceRefusedToken(state, deps, "hvs.1")]);
    expect(token).toBe("hvs.2");
  });

  test("that the store knows is a policy's refusal, and no login is spent on it", async () => {
    await readVaultToken(state, deps);
    const refused = replaceRefusedToken(state, { ...deps, isKnown: async () => true }, "hvs.1");
    await expect(refused).rejects.toMatchObject({ code: "vault_unavailable", message: /policy/ });
    expect(logins).toBe(1);
    expect(await readVaultToken(state, deps)).toBe("hvs.1");
  });

  test("of an object that was evicted meanwhile is replaced", async () => {
    expect(await replaceRefusedToken(state, deps, "hvs.old")).toBe("hvs.1");
  });
});
