import { AppError } from "../../domain/errors.ts";
import { type JsonObject, readText } from "../../domain/json.ts";
import { type CallGoogle, requireSuccess, segment } from "./call.ts";
import type { PolicyAddress } from "./iam-policy.ts";

const ORIGIN = "https://iam.googleapis.com";
const CREDENTIALS_ORIGIN = "https://iamcredentials.googleapis.com";
/** Long enough for the one call it is made for. */
const LIFETIME = "300s";
const READ_ONLY_SCOPE = "https://www.googleapis.com/auth/cloud-platform.read-only";

/** How Aurora's service account shows in the console. */
const DESCRIPTION = {
  displayName: "Aurora (read-only)",
  description: "Made by Aurora when this project was connected. Reads; cannot change anything.",
};

/**
 * The email of the service account of that name, made now or before.
 *
 * @param accountId 6 to 30 characters, `[a-z]([-a-z0-9]*[a-z0-9])`.
 * @see https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create
 */
export async function ensureServiceAccount(call: CallGoogle, projectId: string, accountId: string): Promise<string> {
  const url = `${ORIGIN}/v1/projects/${segment(projectId)}/serviceAccounts`;
  const made = await call({ method: "POST", url, body: { accountId, serviceAccount: DESCRIPTION } });
  if (made.status !== 409) return readEmail(requireSuccess(made, "create a service account"));
  const there = await call({ method: "GET", url: `${url}/${segment(emailOf(projectId, accountId))}` });
  const account = requireSuccess(there, "show its service account");
  if (account["disabled"] !== true) return readEmail(account);
  throw new AppError("provider_rejected", "Aurora's service account in this project is disabled; enable it again.");
}

/** The address of a service account's own access policy, for `ensureMember`. */
export function policyOfServiceAccount(projectId: string, email: string): PolicyAddress {
  const resource = `${ORIGIN}/v1/projects/${segment(projectId)}/serviceAccounts/${segment(email)}`;
  return {
    // Unlike a project's, its version is asked for in the query.
    read: { method: "POST", url: `${resource}:getIamPolicy?options.requestedPolicyVersion=3` },
    writeUrl: `${resource}:setIamPolicy`,
  };
}

/**
 * A short-lived, read-only access token of a service account, for whoever may make one.
 *
 * @throws `provider_unavailable` on 403: a grant made moments ago takes some minutes to be known everywhere.
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
 */
export async function mintServiceAccountToken(call: CallGoogle, email: string): Promise<string> {
  const answer = await call({
    method: "POST",
    url: `${CREDENTIALS_ORIGIN}/v1/projects/-/serviceAccounts/${segment(email)}:generateAccessToken`,
    body: { scope: [READ_ONLY_SCOPE], lifetime: LIFETIME },
  });
  if (answer.status === 403 || answer.status === 404) {
    throw new AppError("provider_unavailable", "Google Cloud does not let this account use its service account yet.");
  }
  const token = readText(requireSuccess(answer, "let this account use its service account"), "accessToken");
  if (token === null) throw new AppError("provider_unavailable", "Google Cloud answered no token.");
  return token;
}

/** `name@project.iam.gserviceaccount.com`; of a project of a domain, `example.com:project`, the two change places. */
export function emailOf(projectId: string, accountId: string): string {
  const host = projectId.split(":").reverse().join(".");
  return `${accountId}@${host}.iam.gserviceaccount.com`;
}

function readEmail(account: JsonObject): string {
  const email = readText(account, "email");
  if (email === null) throw new AppError("provider_unavailable", "Google Cloud did not name the service account.");
  return email;
}
