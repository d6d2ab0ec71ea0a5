import { describe, expect, test } from "vitest";
import { createId, readId, requireId, requireOwnerId, toHex } from "../../src/domain/ids.ts";
import { randomBytes } from "../support/random-bytes.ts";

const BODY = "0123456789abcdef".repeat(2);

describe("an id", () => {
  test("is its kind and 128 bits in hex", () => {
    expect(createId("con", (bytes) => new Uint8Array(bytes).fill(15))).toBe(`con_${"0f".repeat(16)}`);
    const ids = Array.from({ length: 100 }, () => createId("usr", randomBytes));
    expect(new Set(ids).size).toBe(100);
  });

  test("is read back", () => {
    const id = createId("hsk", randomBytes);
    expect(readId("hsk", id)).toBe(id);
    expect(requireOwnerId(`usr_${BODY}`)).toBe(`usr_${BODY}`);
    expect(requireOwnerId(`key_${BODY}`)).toBe(`key_${BODY}`);
  });

  test.each([
    [""],
    ["con_"],
    [BODY],
    [`usr_${BODY}`],
    [`con-${BODY}`],
    [`CON_${BODY}`],
    [`con_${BODY.toUpperCase()}`],
    [`con_${BODY}0`],
    [`con_${BODY.slice(1)}`],
    [`con_${BODY}\n`],
    [` con_${BODY}`],
    [`con_../${BODY.slice(3)}`],
    [`con_${BODY.slice(3)}%2f`],
    [null],
    [undefined],
    [7],
    [{}],
    [[`con_${BODY}`]],
  ])("is not read from %j: a malformed one and an absent one look alike", (raw) => {
    expect(readId("con", raw)).toBeNull();
    expect(() => requireId("con", raw)).toThrow(expect.objectContaining({ code: "not_found" }));
  });

  test("of neither a user nor a key owns nothing", () => {
    for (const raw of [`con_${BODY}`, `wsp_${BODY}`, "", null]) {
      expect(() => requireOwnerId(raw)).toThrow(expect.objectContaining({ code: "not_found" }));
    }
  });

  test("in bytes is lower-case hex with every zero", () => {
    expect(toHex(Uint8Array.of(0, 1, 171, 255))).toBe("0001abff");
  });
});
