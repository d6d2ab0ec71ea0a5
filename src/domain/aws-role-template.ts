/** What a customer's role grants Aurora. */
export const ROLE_TYPES = ["ReadOnly", "Admin"] as const;
export type RoleType = (typeof ROLE_TYPES)[number];

/** Who may assume the role, and with what. */
export interface RoleTrust {
  /** Our own AWS account, 12 digits. */
  readonly accountId: string;
  /** The workspace's own; a UUID, so it needs no quoting anywhere. */
  readonly externalId: string;
  readonly roleType: RoleType;
}

const STACK_NAME = "aurora-edge-role";
const TEMPLATE_FILE = "aurora-edge-role.yaml";
const MAX_SESSION_SECONDS = 3600;

/**
 * A CloudFormation template for the role a customer makes: only our account may assume it, and only with the
 * workspace's external id.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
 */
export function createRoleTemplate({ accountId, externalId, roleType }: RoleTrust): string {
  return `AWSTemplateFormatVersion: "2010-09-09"
Description: Lets Aurora Edge assume a role in this account, with this workspace's external id only.
Parameters:
  AuroraAccountId:
    Type: String
    Default: "${accountId}"
    AllowedPattern: "\\\\d{12}"
  ExternalId:
    Type: String
    Default: "${externalId}"
    MinLength: 36
  RoleType:
    Type: String
    Default: ${roleType}
    AllowedValues: [${ROLE_TYPES.join(", ")}]
Conditions:
  IsAdmin: !Equals [!Ref RoleType, Admin]
Resources:
  AuroraRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: AuroraRole
      MaxSessionDuration: ${MAX_SESSION_SECONDS}
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              AWS: !Sub "arn:\${AWS::Partition}:iam::\${AuroraAccountId}:root"
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                sts:ExternalId: !Ref ExternalId
      ManagedPolicyArns:
        - !If
          - IsAdmin
          - !Sub "arn:\${AWS::Partition}:iam::aws:policy/AdministratorAccess"
          - !Sub "arn:\${AWS::Partition}:iam::aws:policy/ReadOnlyAccess"
Outputs:
  RoleArn:
    Value: !GetAtt AuroraRole.Arn
`;
}

/** Where a customer opens a stack of our template. */
export interface StackPlace {
  readonly region: string;
  /** Host of the partition's console, e.g. `console.aws.amazon.com`. */
  readonly consoleHost: string;
  /** The template in an S3 bucket; null = the person uploads it in the console. */
  readonly templateUrl: string | null;
}

/**
 * The console page that opens a stack with its parameters filled in.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html
 */
export function createQuickCreateUrl({ region, consoleHost, templateUrl }: StackPlace, trust: RoleTrust): string {
  const query = new URLSearchParams({
    ...(templateUrl !== null && { templateURL: templateUrl }),
    stackName: STACK_NAME,
    param_AuroraAccountId: trust.accountId,
    param_ExternalId: trust.externalId,
    param_RoleType: trust.roleType,
  });
  return `https://${region}.${consoleHost}/cloudformation/home?region=${region}#/stacks/quickcreate?${query}`;
}

/** The command, for a POSIX shell, that makes the role in every account of an organisation. */
export function createStackSetsCommand({ region, templateUrl }: StackPlace, trust: RoleTrust): string {
  const template =
    templateUrl === null ? `--template-body file://${TEMPLATE_FILE}` : `--template-url ${quoteForShell(templateUrl)}`;
  const parameters = Object.entries({
    AuroraAccountId: trust.accountId,
    ExternalId: trust.externalId,
    RoleType: trust.roleType,
  }).map(([key, value]) => `ParameterKey=${key},ParameterValue=${value}`);
  const commands = [
    ["aws cloudformation create-stack-set", `--region ${region}`, `--stack-set-name ${STACK_NAME}`, template],
    [`--parameters ${parameters.join(" ")}`, "--capabilities CAPABILITY_NAMED_IAM"],
    ["--permission-model SERVICE_MANAGED", "--auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false"],
  ].flat();
  const instances = [
    ...["aws cloudformation create-stack-instances", `--region ${region}`, `--stack-set-name ${STACK_NAME}`],
    ...["--deployment-targets OrganizationalUnitIds=<ROOT_OR_UNIT_ID>", `--regions ${region}`],
  ];
  return `${commands.join(" \\\n  ")}\n${instances.join(" \\\n  ")}`;
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
