import { describe, expect, test } from "vitest";
import { requireId } from "../../../src/domain/ids.ts";
import { chooseChain } from "../../../src/services/audit/choose-chain.ts";
import { TEST_SETTINGS } from "../../support/test-settings.ts";
import { SCOPE } from "./fake-log.ts";

const reader = { id: SCOPE.userId, workspaceId: SCOPE.workspaceId };
const withOperator = (operatorWorkspaceId: typeof TEST_SETTINGS.operatorWorkspaceId) => ({
  settings: { ...TEST_SETTINGS, operatorWorkspaceId },
});

describe("the events a caller asks for", () => {
  test("are its workspace's unless it says otherwise", () => {
    expect(chooseChain(withOperator(SCOPE.workspaceId), reader, undefined)).toEqual(SCOPE);
  });

  test("may be nobody's when it is of the operator's workspace", () => {
    const scope = chooseChain(withOperator(SCOPE.workspaceId), reader, "unauthenticated");
    expect(scope).toEqual({ userId: reader.id, workspaceId: "wsp_unauthenticated" });
  });

  test.each([
    ["another workspace is the operator's", requireId("wsp", `wsp_${"9".repeat(32)}`)],
    ["no workspace is", null],
  ])("are not nobody's when %s", (_, operator) => {
    expect(() => chooseChain(withOperator(operator), reader, "unauthenticated")).toThrow(
      expect.objectContaining({ code: "forbidden" }),
    );
  });

  test.each(["", "wsp_unauthenticated", `wsp_${"9".repeat(32)}`, "toString", "UNAUTHENTICATED"])(
    "are never those of a chain named %j",
    (name) => {
      expect(() => chooseChain(withOperator(SCOPE.workspaceId), reader, name)).toThrow(
        expect.objectContaining({ code: "invalid_request" }),
      );
    },
  );
});
