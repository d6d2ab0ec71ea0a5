import { AppError } from "../../domain/errors.ts";
import { isJsonObject, type JsonObject } from "../../domain/json.ts";
import { type CallGoogle, type GoogleCall, readCode, requireSuccess } from "./call.ts";

/** Where the access policy of a resource is read and written. */
export interface PolicyAddress {
  readonly read: GoogleCall;
  readonly writeUrl: string;
}

/** Somebody else may change the policy in between; more often than this in a row is a reason to come back later. */
const MAX_TRIES = 5;

/**
 * Sees to it that `member` has the roles: reads the policy, adds what is missing, writes it under its etag.
 *
 * Nothing is taken away and no conditional binding is touched. A policy changed in between (409) is read again.
 *
 * @returns true when something was missing.
 * @throws `provider_unavailable` while the policy keeps changing, or Google does not know a new member yet.
 * @see https://cloud.google.com/iam/docs/granting-changing-revoking-access#multiple-roles-programmatic
 */
export async function ensureMember(
  call: CallGoogle,
  address: PolicyAddress,
  member: string,
  roles: readonly string[],
): Promise<boolean> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const current = requireSuccess(await call(address.read), "show who has access");
    const wanted = addMember(current, member, roles);
    if (wanted === null) return false;
    const answer = await call({ method: "POST", url: address.writeUrl, body: { policy: wanted } });
    if (answer.status === 409) continue;
    // A service account made moments ago is not known everywhere yet, and that is what this code says.
    if (answer.status === 400 && readCode(answer.body) === "INVALID_ARGUMENT") {
      throw new AppError("provider_unavailable", "Google Cloud does not know the new service account everywhere yet.");
    }
    requireSuccess(answer, "grant the roles");
    return true;
  }
  throw new AppError("provider_unavailable", "Somebody else keeps changing who has access; try again later.");
}

/** The policy with `member` in every role, its etag kept; null when nothing is missing. */
export function addMember(policy: JsonObject, member: string, roles: readonly string[]): JsonObject | null {
  const bindings = (Array.isArray(policy["bindings"]) ? policy["bindings"] : []).filter(isJsonObject);
  const missing = roles.filter((role) => !bindings.some((binding) => isFor(binding, role) && has(binding, member)));
  if (missing.length === 0) return null;
  const widened = bindings.map((binding) =>
    missing.some((role) => isFor(binding, role)) ? { ...binding, members: [...membersOf(binding), member] } : binding,
  );
  const added = missing
    .filter((role) => !bindings.some((binding) => isFor(binding, role)))
    .map((role) => ({ role, members: [member] }));
  return { ...policy, bindings: [...widened, ...added] };
}

/** A binding with a condition is another binding, even of the same role. */
function isFor(binding: JsonObject, role: string): boolean {
  return binding["role"] === role && binding["condition"] === undefined;
}

function has(binding: JsonObject, member: string): boolean {
  return membersOf(binding).includes(member);
}

function membersOf(binding: JsonObject): readonly unknown[] {
  return Array.isArray(binding["members"]) ? binding["members"] : [];
}
