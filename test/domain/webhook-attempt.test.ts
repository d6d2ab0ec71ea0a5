import { describe, expect, test } from "vitest";
import { createId } from "../../src/domain/ids.ts";
import type { PostAnswer } from "../../src/domain/ports/webhooks.ts";
import { epochSeconds } from "../../src/domain/time.ts";
import { endingOf, holdOffUntil, planAttempt } from "../../src/domain/webhook-attempt.ts";
import { MAX_ATTEMPTS, retryDelaySeconds } from "../../src/domain/webhook-retry.ts";
import { randomBytes } from "../support/random-bytes.ts";

const AT = epochSeconds(1_800_000_000);
const delivery = (attempts: number) => ({ id: createId("msg", randomBytes), payload: "{}", attempts });
const answered = (status: number): PostAnswer => ({ kind: "answered", status, retryAfter: null });
const facts = (answer: PostAnswer, retryAfterSeconds: number | null = null, random = 0.5) => ({
  ...{ answer, at: AT, retryAfterSeconds, random },
});

describe("the schedule", () => {
  test("is the specification's: ten tries over more than three days", () => {
    const delays = Array.from({ length: MAX_ATTEMPTS - 1 }, (_, tries) => retryDelaySeconds(tries + 1, 0.5, null));
    expect(delays).toEqual([5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    expect(retryDelaySeconds(MAX_ATTEMPTS, 0.5, null)).toBeNull();
  });

  test("is spread over half to one and a half times each wait", () => {
    expect([retryDelaySeconds(2, 0, null), retryDelaySeconds(2, 0.999999, null)]).toEqual([150, 450]);
  });

  test("waits for as long as the receiver asks, and not much longer than it would anyway", () => {
    expect(retryDelaySeconds(1, 0.5, 120)).toBe(120);
    expect(retryDelaySeconds(3, 0.5, 10)).toBe(1800);
    expect(retryDelaySeconds(1, 0.5, 9_999_999)).toBe(86_400);
  });
});

describe("a try", () => {
  test.each([200, 201, 204, 299])("answered with %i has got through", (status) => {
    const attempt = planAttempt(delivery(3), facts(answered(status)));
    expect(attempt).toMatchObject({ status: "delivered", lastStatus: status, nextAttemptAt: null, attemptsBefore: 3 });
  });

  test.each([100, 199, 300, 301, 302, 304, 400, 401, 404, 429, 500, 503])(
    "answered with %i is made again",
    (status) => {
      const attempt = planAttempt(delivery(0), facts(answered(status)));
      expect(attempt).toMatchObject({ status: "pending", lastStatus: status, lastError: null, nextAttemptAt: AT + 5 });
    },
  );

  test.each(["timeout", "unreachable", "refused"] as const)("without an answer (%s) is made again", (reason) => {
    const attempt = planAttempt(delivery(1), facts({ kind: "unanswered", reason }));
    expect(attempt).toMatchObject({ status: "pending", lastStatus: null, lastError: reason, nextAttemptAt: AT + 300 });
  });

  test("that is the last one has failed, and so has one that was answered with 410", () => {
    expect(planAttempt(delivery(MAX_ATTEMPTS - 1), facts(answered(500)))).toMatchObject({ status: "failed" });
    expect(planAttempt(delivery(0), facts(answered(410)))).toMatchObject({ status: "failed", nextAttemptAt: null });
  });
});

describe("a receiver that has too much to do", () => {
  test.each([429, 502, 503, 504])("and says so with %i is left alone for a moment, or as long as it asks", (status) => {
    expect(holdOffUntil(facts(answered(status)))).toBe(AT + 5);
    expect(holdOffUntil(facts(answered(status), 90))).toBe(AT + 90);
    expect(holdOffUntil(facts(answered(status), 86_400))).toBe(AT + 3600);
  });

  test.each([200, 400, 404, 500])("is not meant by %i", (status) => {
    expect(holdOffUntil(facts(answered(status), 90))).toBeNull();
  });
});

describe("a webhook", () => {
  const failed = { ...planAttempt(delivery(MAX_ATTEMPTS - 1), facts(answered(500))) };
  const daysAgo = (days: number) => epochSeconds(AT - days * 86_400);

  test("is ended by a 410 at once", () => {
    expect(endingOf(planAttempt(delivery(0), facts(answered(410))), null)).toBe("gone");
  });

  test("is ended after days of failing, when a delivery has had all its tries", () => {
    expect([endingOf(failed, daysAgo(4)), endingOf(failed, daysAgo(5))]).toEqual([null, "failing"]);
    expect(endingOf(planAttempt(delivery(0), facts(answered(500))), daysAgo(30))).toBeNull();
    expect(endingOf(failed, null)).toBeNull();
  });
});
