import { describe, expect, test } from "vitest";
import { AppError } from "../../src/domain/errors.ts";
import { gcp } from "../../src/providers/gcp.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { custom, TOKENS } from "./custom-provider.ts";
import { json, NOW, scripted } from "./scripted-upstream.ts";

const STORED = {
  access_token: "at-1",
  token_type: "Bearer",
  refresh_token: "rt-1",
  expires_at: 1,
  scope: "read",
  grant: "g",
};

function refreshWith(provider: Provider, ...answers: readonly (Response | Error)[]) {
  const { context, sent } = scripted(...answers);
  if (provider.refresh === null) throw new Error("cannot refresh");
  return { sent, refreshed: provider.refresh(STORED, context) };
}

describe("a refresh", () => {
  test("sends the stored refresh token and may take a minute", async () => {
    const { refreshed, sent } = refreshWith(custom(), json(TOKENS));
    await refreshed;
    expect(sent.map(({ form, timeoutMs }) => [form, timeoutMs])).toEqual([
      [{ grant_type: "refresh_token", refresh_token: "rt-1" }, 60_000],
    ]);
  });

  test.each([
    ["absent", {}, "rt-1"],
    ["empty", { refresh_token: "" }, "rt-1"],
    ["null", { refresh_token: null }, "rt-1"],
    ["not text", { refresh_token: 7 }, "rt-1"],
    ["the same", { refresh_token: "rt-1" }, "rt-1"],
    ["a new one", { refresh_token: "rt-2" }, "rt-2"],
  ])("a refresh token that is %s leaves the right one stored", async (_what, answer, stored) => {
    expect(await refreshWith(custom(), json({ ...TOKENS, ...answer })).refreshed).toMatchObject({
      refresh_token: stored,
      grant: "g",
    });
  });

  test.each([
    [3600, NOW + 3600],
    ["3600", NOW + 3600],
    ["3600.9", NOW + 3600],
    [0.5, NOW],
    [1e15, 253_402_300_799],
    [0, undefined],
    [-1, undefined],
    ["-1", undefined],
    ["", undefined],
    ["soon", undefined],
    ["0x10", undefined],
    [null, undefined],
    [true, undefined],
    [[3600], undefined],
    [undefined, undefined],
  ])("expires_in %j means expires_at %j", async (expires_in, expected) => {
    const secret = await refreshWith(custom(), json({ ...TOKENS, expires_in, refresh_token: "rt-2" })).refreshed;
    expect(secret["expires_at"]).toBe(expected);
    // Whatever the lifetime looks like, a rotated refresh token is kept.
    expect(secret["refresh_token"]).toBe("rt-2");
  });

  test.each([
    ["BEARER", "Bearer"],
    ["DPoP", "DPoP"],
    [undefined, "Bearer"],
  ])("token_type %j is stored as %j", async (token_type, expected) => {
    expect(await refreshWith(custom(), json({ ...TOKENS, token_type })).refreshed).toMatchObject({
      token_type: expected,
    });
  });

  test("an answer in another content type is read all the same", async () => {
    const answer = json(TOKENS, 200, { "content-type": "text/plain" });
    expect(await refreshWith(custom(), answer).refreshed).toMatchObject({ access_token: "at-2" });
  });

  test("a senseless id_token beside the tokens loses nothing", async () => {
    const answer = json({ ...TOKENS, refresh_token: "rt-2", id_token: "x" });
    expect(await refreshWith(gcp, answer).refreshed).toMatchObject({ refresh_token: "rt-2" });
  });

  test.each([
    ["invalid_grant", json({ error: "invalid_grant" }, 400), "reauth_required"],
    ["invalid_grant with 401", json({ error: "invalid_grant" }, 401), "reauth_required"],
    ["invalid_grant with 200", json({ error: "invalid_grant" }), "reauth_required"],
    ["invalid_client", json({ error: "invalid_client" }, 401), "provider_rejected"],
    ["invalid_scope", json({ error: "invalid_scope" }, 400), "provider_rejected"],
    ["an error of its own", json({ error: "toString" }, 400), "provider_rejected"],
    ["403 without an OAuth error", json({ message: "no" }, 403), "provider_rejected"],
    ["temporarily_unavailable", json({ error: "temporarily_unavailable" }, 400), "provider_unavailable"],
    ["invalid_grant beside a 503", json({ error: "invalid_grant" }, 503), "provider_unavailable"],
    ["429", json({ error: "rate_limited" }, 429), "provider_unavailable"],
    ["a page with 200", json("<html>Sign in</html>"), "provider_unavailable"],
    ["a page with 403", json("<html>Blocked</html>", 403), "provider_unavailable"],
    ["nothing", json(""), "provider_unavailable"],
    ["a list", json([]), "provider_unavailable"],
    [
      "a redirect",
      new Response(null, { status: 302, headers: { location: "https://evil.example" } }),
      "provider_unavailable",
    ],
    ["no access token", json({ refresh_token: "rt-2" }), "provider_unavailable"],
    ["an empty access token", json({ ...TOKENS, access_token: "" }), "provider_unavailable"],
    ["an access token that is not text", json({ ...TOKENS, access_token: 1 }), "provider_unavailable"],
    [
      "no answer",
      new AppError("provider_unavailable", "The provider took too long to answer."),
      "provider_unavailable",
    ],
  ])("%s → %s", async (_what, answer, code) => {
    const failure = await refreshWith(custom(), answer).refreshed.catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(/^[A-Z].*\.$/) });
    expect((failure as Error).cause).toBeUndefined();
  });

  test.each([
    ["120", 120],
    [new Date((NOW + 30) * 1000).toUTCString(), 30],
    ["99999999", 86_400],
    [new Date((NOW - 30) * 1000).toUTCString(), undefined],
    ["-5", undefined],
    ["soon", undefined],
    ["", undefined],
  ])("Retry-After %j is %j seconds", async (header, seconds) => {
    const answer = json({}, 503, { "retry-after": header });
    const failure = await refreshWith(custom(), answer).refreshed.catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "provider_unavailable", retryAfterSeconds: seconds });
  });

  test("a word of the answer is in no error", async () => {
    const answer = json({ error: "invalid_grant", error_description: "hunter2", error_uri: "https://hunter2" }, 400);
    const failure = await refreshWith(custom(), answer).refreshed.catch((error: unknown) => error);
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain("hunter2");
  });
});

describe("a revocation", () => {
  const revocable = () => custom({ revocation_endpoint: "https://acme.example/revoke" });
  const revokeWith = (provider: Provider, secret: Record<string, unknown>, ...answers: Response[]) => {
    const { context, sent } = scripted(...answers);
    return { sent, revoked: provider.revoke?.(secret, context) };
  };

  test("ends the refresh token, with our client authentication", async () => {
    const { sent, revoked } = revokeWith(revocable(), STORED, new Response(null));
    await revoked;
    expect(sent[0]).toMatchObject({ url: "https://acme.example/revoke", form: { token: "rt-1" } });
    expect(sent[0]?.headers.get("authorization")).toMatch(/^Basic /);
  });

  test("falls back to the access token, and does nothing without either", async () => {
    const only = revokeWith(revocable(), { access_token: "at-1" }, new Response(null));
    await only.revoked;
    expect(only.sent[0]?.form).toEqual({ token: "at-1" });
    const none = revokeWith(revocable(), {});
    await none.revoked;
    expect(none.sent).toEqual([]);
  });

  test("gcp takes the token alone: our secret stays here", async () => {
    const { sent, revoked } = revokeWith(gcp, STORED, json({}));
    await revoked;
    expect(sent[0]).toMatchObject({ url: "https://oauth2.googleapis.com/revoke", form: { token: "rt-1" } });
    expect(sent[0]?.headers.has("authorization")).toBe(false);
  });

  test.each([
    ["a token it no longer knows", json({ error: "invalid_token" }, 400), null],
    ["a refusal", json({ error: "invalid_client" }, 401), "provider_rejected"],
    ["an outage", new Response("down", { status: 503 }), "provider_unavailable"],
    ["a redirect", new Response(null, { status: 302 }), "provider_unavailable"],
  ])("%s → %s", async (_what, answer, code) => {
    const { revoked } = revokeWith(revocable(), STORED, answer);
    if (code === null) return expect(revoked).resolves.toBeUndefined();
    return expect(revoked).rejects.toMatchObject({ code });
  });

  test("without an endpoint there is none", () => {
    expect(custom().revoke).toBeNull();
  });
});
