import { randomUUID } from "node:crypto";
import { type Answer, escapeHtml } from "../wire.ts";
import type { Refusal } from "./aws-signature.ts";

const NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/";

export interface Identity {
  readonly arn: string;
  readonly userId: string;
  readonly account: string;
}

export interface AssumedRole {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly sessionToken: string;
  readonly expiresAtMs: number;
  readonly arn: string;
  readonly userId: string;
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Examples */
export function describeAssumedRole(role: AssumedRole): Answer {
  const expiration = new Date(role.expiresAtMs).toISOString().replace(/\.\d+Z$/, "Z");
  return xml(
    200,
    `<AssumeRoleResponse xmlns="${NAMESPACE}">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>${escapeHtml(role.userId)}</AssumedRoleId>
      <Arn>${escapeHtml(role.arn)}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${role.accessKeyId}</AccessKeyId>
      <SecretAccessKey>${role.secret}</SecretAccessKey>
      <SessionToken>${role.sessionToken}</SessionToken>
      <Expiration>${expiration}</Expiration>
    </Credentials>
  </AssumeRoleResult>
  ${metadata()}
</AssumeRoleResponse>
`,
  );
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export function describeIdentity({ arn, userId, account }: Identity): Answer {
  return xml(
    200,
    `<GetCallerIdentityResponse xmlns="${NAMESPACE}">
  <GetCallerIdentityResult>
    <Arn>${escapeHtml(arn)}</Arn>
    <UserId>${escapeHtml(userId)}</UserId>
    <Account>${account}</Account>
  </GetCallerIdentityResult>
  ${metadata()}
</GetCallerIdentityResponse>
`,
  );
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
export function describeRefusal({ status, code, message }: Refusal): Answer {
  return xml(
    status,
    `<ErrorResponse xmlns="${NAMESPACE}">
  <Error>
    <Type>Sender</Type>
    <Code>${code}</Code>
    <Message>${escapeHtml(message)}</Message>
  </Error>
  <RequestId>${randomUUID()}</RequestId>
</ErrorResponse>
`,
  );
}

function metadata(): string {
  return `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`;
}

function xml(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/xml", "cache-control": "no-store" }, body };
}
