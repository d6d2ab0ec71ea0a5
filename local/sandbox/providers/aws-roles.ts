import type { State } from "../state.ts";
import type { Refusal } from "./aws-signature.ts";

/** The account the broker itself lives in, and those whose roles trust it. */
export const PLATFORM_ACCOUNT = "111122223333";
export const CUSTOMER_ACCOUNTS = ["222233334444", "333344445555"];

const ROLE_ARN = /^arn:aws:iam::(\d{12}):role\/((?:[\x21-\x7e]+\/)?([\w+=,.@-]{1,64}))$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const MIN_DURATION_SECONDS = 900;
const MAX_DURATION_SECONDS = 43_200;
/** MaxSessionDuration of every role here: IAM's default. */
const ROLE_MAX_DURATION_SECONDS = 3_600;

/** A request to assume a role whose parameters are well formed. */
export interface Assumption {
  readonly roleArn: string;
  readonly account: string;
  readonly roleName: string;
  readonly sessionName: string;
  readonly externalId: string | null;
  readonly durationSeconds: number;
}

/**
 * Reads the parameters of AssumeRole under the constraints of its reference.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function parseAssumption(form: URLSearchParams): Assumption | Refusal {
  const roleArn = form.get("RoleArn") ?? "";
  const sessionName = form.get("RoleSessionName") ?? "";
  const externalId = form.get("ExternalId");
  const duration = form.get("DurationSeconds") ?? String(ROLE_MAX_DURATION_SECONDS);
  const [, account, , roleName] = ROLE_ARN.exec(roleArn) ?? [];
  if (!account || !roleName) return invalid(`${roleArn || "null"} is invalid`);
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) return invalid(constraint("roleSessionName", "[\\w+=,.@-]*"));
  if (externalId !== null && !/^[\w+=,.@:/-]{2,1224}$/.test(externalId)) {
    return invalid(constraint("externalId", "[\\w+=,.@:\\/-]*"));
  }
  const durationSeconds = /^\d{1,6}$/.test(duration) ? Number(duration) : 0;
  if (durationSeconds < MIN_DURATION_SECONDS || durationSeconds > MAX_DURATION_SECONDS) {
    return invalid(
      `1 validation error detected: Value '${duration}' at 'durationSeconds' failed to satisfy constraint: Member must have value between ${MIN_DURATION_SECONDS} and ${MAX_DURATION_SECONDS}`,
    );
  }
  if (durationSeconds > ROLE_MAX_DURATION_SECONDS) {
    return invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  return { roleArn, account, roleName, sessionName, externalId, durationSeconds };
}

/**
 * Whether the role's trust policy lets the broker in.
 *
 * A role is bound to the first external id (a UUID) it sees and then takes no other, as a customer would have
 * written it into the policy. `NoExternalId` asks for none, `Denied` never opens.
 */
export function isTrusted(state: State, { account, roleName, roleArn, externalId }: Assumption): boolean {
  if (!CUSTOMER_ACCOUNTS.includes(account) || roleName === "Denied") return false;
  if (roleName === "NoExternalId") return true;
  if (externalId === null || !UUID.test(externalId)) return false;
  const key = `aws/external-id/${roleArn}`;
  const bound = state.get(key);
  if (bound === null) state.set(key, externalId, null);
  return bound === null || bound === externalId;
}

function constraint(name: string, pattern: string): string {
  return `1 validation error detected: Value at '${name}' failed to satisfy constraint: Member must satisfy regular expression pattern: ${pattern}`;
}

function invalid(message: string): Refusal {
  return { status: 400, code: "ValidationError", message };
}
