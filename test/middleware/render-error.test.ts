import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../../src/domain/errors.ts";
import { HTTP_STATUS } from "../../src/middleware/render-error.ts";

describe("the one mapping of error codes", () => {
  test.each(ERROR_CODES)("%s has a status that refuses", (code) => {
    expect(HTTP_STATUS[code]).toBeGreaterThanOrEqual(400);
  });

  test("names no code that does not exist", () => {
    expect(Object.keys(HTTP_STATUS).sort()).toEqual([...ERROR_CODES].sort());
  });
});
