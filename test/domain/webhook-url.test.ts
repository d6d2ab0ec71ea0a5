import { describe, expect, test } from "vitest";
import { requireWebhookUrl } from "../../src/domain/webhook-url.ts";

const guard = (raw: string, allowLoopback: boolean, publicUrl = "http://127.0.0.1:8787") =>
  requireWebhookUrl(raw, { publicUrl, allowLoopback }).href;
const refuse = (raw: string, allowLoopback: boolean, publicUrl?: string) =>
  expect(() => guard(raw, allowLoopback, publicUrl)).toThrow(expect.objectContaining({ code: "invalid_request" }));

test("a public https address is let through either way", () => {
  for (const allowed of [true, false]) {
    expect(guard("https://hooks.example.com/a?b=c", allowed)).toBe("https://hooks.example.com/a?b=c");
  }
});

test.each([
  "http://127.0.0.1:9000/",
  "http://127.0.0.1/a?b",
  "http://localhost:9000/hook",
  "https://localhost:9000/hook",
  "http://[::1]:9000/",
])("%s is let through where the operator allowed this machine, and nowhere else", (raw) => {
  expect(guard(raw, true)).toBe(new URL(raw).href);
  refuse(raw, false);
});

describe("even where this machine is allowed, refused are", () => {
  test.each([
    "http://hooks.example.com/",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://192.168.1.1/",
    "http://127.0.0.2:9000/",
    "http://127.1:9000/",
    "http://2130706433:9000/",
    "http://0x7f000001/",
    "http://0.0.0.0:9000/",
    "http://[::ffff:127.0.0.1]:9000/",
    "http://127.0.0.1.nip.io/",
    "http://127.0.0.1@10.0.0.1/",
    "http://user@127.0.0.1:9000/",
    "http://127.0.0.1:9000\\@10.0.0.1/",
    "http://localhost.evil.example/",
    "http://localhost:9000@10.0.0.1/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:9000/a b",
    "http://127.0.0.1:9000/\n",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "http://127.0.0.1:8787/api/v1/webhooks",
    "http://localhost:8787/",
    `http://127.0.0.1:9000/${"a".repeat(2048)}`,
    "",
  ])("%j", (raw) => {
    refuse(raw, true);
  });
});

test("our own address is refused wherever we are", () => {
  refuse("https://aurora.example.com/a", false, "https://aurora.example.com");
  refuse("https://x.aurora.example.com/a", true, "https://aurora.example.com");
});
