import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { epochSeconds } from "../../src/domain/time.ts";
import {
  createWebhookSecret,
  listSigning,
  parseSigningSecrets,
  rotateSecrets,
  signWebhook,
} from "../../src/domain/webhook-secret.ts";
import { randomBytes } from "../support/random-bytes.ts";

const NOW = epochSeconds(1_800_000_000);
const at = (seconds: number) => epochSeconds(NOW + seconds);

describe("a signature", () => {
  test("is the one the reference implementation of the specification makes", async () => {
    const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const signed = signWebhook(
      [secret],
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      epochSeconds(1614265330),
      '{"test": 2432232314}',
    );
    expect(await signed).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  test("is there once for each secret, parted by spaces, the current one's first", async () => {
    const secrets = [createWebhookSecret(randomBytes), createWebhookSecret(randomBytes)];
    const header = await signWebhook(secrets, "msg_1", NOW, "é😀");
    const expected = secrets.map((secret) => {
      const key = Buffer.from(secret.slice("whsec_".length), "base64");
      return `v1,${createHmac("sha256", key).update(`msg_1.${NOW}.é😀`).digest("base64")}`;
    });
    expect(header).toBe(expected.join(" "));
  });
});

test("a secret is whsec_ and 32 random bytes in base64", () => {
  const secret = createWebhookSecret(randomBytes);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(Buffer.from(secret.slice(6), "base64")).toHaveLength(32);
  expect(createWebhookSecret(randomBytes)).not.toBe(secret);
});

describe("a rotation", () => {
  const first = { current: "whsec_aaaa", previous: [] };

  test("lets the old secret sign until its grace ends", () => {
    const rotated = rotateSecrets(first, "whsec_bbbb", NOW, at(60));
    expect(listSigning(rotated, at(59))).toEqual(["whsec_bbbb", "whsec_aaaa"]);
    expect(listSigning(rotated, at(60))).toEqual(["whsec_bbbb"]);
  });

  test("without grace ends every secret there was, those in an earlier grace too", () => {
    const rotated = rotateSecrets(rotateSecrets(first, "whsec_bbbb", NOW, at(600)), "whsec_cccc", NOW, NOW);
    expect(rotated).toEqual({ current: "whsec_cccc", previous: [] });
  });

  test("shortens an earlier grace to its own, and never lengthens it", () => {
    const twice = rotateSecrets(rotateSecrets(first, "whsec_bbbb", NOW, at(60)), "whsec_cccc", NOW, at(600));
    expect(twice.previous).toEqual([
      { secret: "whsec_bbbb", until: at(600) },
      { secret: "whsec_aaaa", until: at(60) },
    ]);
  });

  test("of a secret that is gone begins anew", () => {
    expect(rotateSecrets(null, "whsec_bbbb", NOW, at(60))).toEqual({ current: "whsec_bbbb", previous: [] });
  });
});

describe("what Vault holds", () => {
  test("is read back", () => {
    const stored = { current: "whsec_bbbb", previous: [{ secret: "whsec_aaaa", until: at(60) }] };
    expect(parseSigningSecrets(JSON.parse(JSON.stringify(stored)))).toEqual(stored);
  });

  test.each([{}, ...["", "abc", "whsec_", "whsec_a", "whsec_a=bc", "whsec_ab!d", 1].map((current) => ({ current }))])(
    "is no secret: %j",
    (data) => {
      expect(parseSigningSecrets(data)).toBeNull();
    },
  );

  test("may hold a previous secret of another shape, which does not sign", () => {
    const data = {
      current: "whsec_bbbb",
      previous: ["whsec_aaaa", { secret: "whsec_aaaa" }, { secret: "a", until: 1 }, null],
    };
    expect(parseSigningSecrets(data)).toEqual({ current: "whsec_bbbb", previous: [] });
  });
});
