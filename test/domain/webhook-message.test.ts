import { describe, expect, test } from "vitest";
import { AUDIT_ACTIONS } from "../../src/domain/audit-event.ts";
import { isSubscribed, WEBHOOK_EVENTS } from "../../src/domain/webhook.ts";
import { readWebhookMessage } from "../../src/domain/webhook-message.ts";

const EVENT = {
  seq: 7,
  at: "2026-11-22T10:00:00.123Z",
  action: "connection.refresh_failed",
  outcome: "failure",
  actor: { type: "system", id: "keeper" },
  resource: { type: "connection", id: "con_1", provider: "gcp" },
  ip: "192.0.2.1",
  request_id: "req_1",
  detail: { reason: "provider_unavailable" },
};
const read = (change: object = {}) => readWebhookMessage("wsp_1", JSON.stringify({ ...EVENT, ...change }));

describe("the message of an event", () => {
  test("says what happened, when and to what, and neither address nor request", () => {
    const message = read();
    expect(message).toMatchObject({ seq: 7, event: "connection.refresh_failed" });
    expect(JSON.parse(message?.payload ?? "")).toEqual({
      type: "connection.refresh_failed",
      timestamp: "2026-11-22T10:00:00.123Z",
      data: {
        workspace_id: "wsp_1",
        seq: 7,
        actor: { type: "system", id: "keeper" },
        resource: { type: "connection", id: "con_1", provider: "gcp" },
        detail: { reason: "provider_unavailable" },
      },
    });
  });

  test.each(AUDIT_ACTIONS)("exists for %s exactly when it is one that is sent", (action) => {
    const sent: readonly string[] = WEBHOOK_EVENTS;
    expect(read({ action, outcome: "success" }) !== null).toBe(sent.includes(action));
  });

  test("is not made again of a disconnect whose revocation failed", () => {
    expect(read({ action: "connection.disconnected" })).toBeNull();
  });

  test("keeps ids, codes, numbers, permissions and networks", () => {
    const detail = {
      permissions: ["connections:read", "tokens:read"],
      key_prefix: "ak_0123456789ab",
      successor: `key_${"0".repeat(32)}`,
      grace_seconds: 60,
      network: "192.0.2.0/24",
      wide: "2001:db8:0::/48",
      nothing: null,
      yes: true,
    };
    expect(JSON.parse(read({ detail })?.payload ?? "").data.detail).toEqual(detail);
  });

  test.each([
    ["an email", "ada@example.com"],
    ["a Vault path", "vault:kv/data/aurora/users/aurora-prod-usr_1-gcp-token"],
    ["a path", "users/aurora"],
    ["a sentence", "Connect this account again."],
    ["a secret", "x".repeat(65)],
    ["a URL", "https://example.com/?token=1"],
  ])("leaves out %s, wherever an event may come to hold it", (_what, text) => {
    const places = {
      actor: { type: "user", id: text },
      resource: { type: "connection", id: text, provider: text },
      detail: { plain: text, list: [text], deep: { deeper: { deepest: text } } },
    };
    expect(read(places)?.payload).not.toContain(text);
  });
});

describe("a subscription", () => {
  test.each([
    [["apikey.created"], "apikey.created", true],
    [["apikey.created"], "apikey.revoked", false],
    [["apikey.*"], "apikey.revoked", true],
    [["apikey.*"], "connection.recovered", false],
    [["connection.*", "usage.abnormal"], "usage.abnormal", true],
    [[], "usage.abnormal", false],
  ])("%j includes %s: %s", (subscriptions, event, expected) => {
    expect(isSubscribed(subscriptions, event)).toBe(expected);
  });
});
