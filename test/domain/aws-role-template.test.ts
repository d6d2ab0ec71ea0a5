import { expect, test } from "vitest";
import {
  createQuickCreateUrl,
  createRoleTemplate,
  createStackSetsCommand,
} from "../../src/domain/aws-role-template.ts";

const TRUST = {
  accountId: "111122223333",
  externalId: "6f1b0e5c-2f0e-4a3b-9c1d-3f5a7b9d1e2f",
  roleType: "ReadOnly",
} as const;
const PLACE = {
  region: "eu-central-1",
  consoleHost: "console.aws.amazon.com",
  templateUrl: "https://b.s3.amazonaws.com/it's.yaml?versionId=1&x=2",
};

test("the role trusts our account with the external id only, and says so in plain YAML", () => {
  const template = createRoleTemplate(TRUST);
  expect(template).toContain('Default: "111122223333"');
  expect(template).toContain('Default: "6f1b0e5c-2f0e-4a3b-9c1d-3f5a7b9d1e2f"');
  expect(template).toContain("sts:ExternalId: !Ref ExternalId");
  expect(template).toContain('AllowedPattern: "\\\\d{12}"');
  expect(template).toContain("Default: ReadOnly");
  expect(createRoleTemplate({ ...TRUST, roleType: "Admin" })).toContain("Default: Admin");
  expect(template).not.toMatch(/\t|undefined|\bPrincipal: "\*"/);
});

test("the console opens with every parameter of the template filled in", () => {
  const url = new URL(createQuickCreateUrl(PLACE, TRUST));
  expect(url.host).toBe("eu-central-1.console.aws.amazon.com");
  expect(url.searchParams.get("region")).toBe("eu-central-1");
  const [page, query] = url.hash.split("?");
  expect(page).toBe("#/stacks/quickcreate");
  expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
    templateURL: PLACE.templateUrl,
    stackName: "aurora-edge-role",
    param_AuroraAccountId: TRUST.accountId,
    param_ExternalId: TRUST.externalId,
    param_RoleType: "ReadOnly",
  });
  for (const name of ["AuroraAccountId", "ExternalId", "RoleType"]) {
    expect(createRoleTemplate(TRUST)).toContain(`  ${name}:\n    Type: String`);
  }
});

test("the command holds the address as one word, whatever is in it", () => {
  const command = createStackSetsCommand(PLACE, TRUST);
  expect(command).toContain(`--template-url 'https://b.s3.amazonaws.com/it'\\''s.yaml?versionId=1&x=2'`);
  expect(command).toContain(`ParameterKey=ExternalId,ParameterValue=${TRUST.externalId}`);
  expect(createStackSetsCommand({ ...PLACE, templateUrl: null }, TRUST)).toContain("--template-body file://");
});
