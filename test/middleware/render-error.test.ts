import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../../src/domain/errors.ts";
import { HTTP_STATUS } from "../../src/middleware/render-error.ts";

describe("the one mapping of error codes", () => {
  test.each(ERROR_CODES)("%s has a status that refuses", (code) => {
    expect(HTTP_STATUS[code]).toBeGreaterThanOrEqual(400);
  });

  test("is the contract's", () => {
    expect(HTTP_STATUS).toEqual({
      ...{ invalid_request: 400, unauthenticated: 401, invalid_credentials: 401, forbidden: 403 },
      ...{ registration_closed: 403, not_found: 404, conflict: 409, reauth_required: 409, rate_limited: 429 },
      ...{ provider_rejected: 502, provider_unavailable: 502, vault_unavailable: 503, database_unavailable: 503 },
      ...{ misconfigured: 503, internal: 500, payload_too_large: 413 },
    });
  });
});
