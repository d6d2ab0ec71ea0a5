import { runSetup } from "../../../src/services/gcp-setup/run-setup.ts";
import {
  type Asked,
  CONNECTION,
  createFakeRunner,
  createSetupWorld,
  type Google,
  ORDER,
  runningSetup,
} from "./setup-world.ts";

type Answer = ReturnType<Google>;
/** Overrides of one kind of call; undefined = the usual answer. */
export type Override = (asked: Asked, earlier: readonly Asked[]) => Answer | undefined;

export const MANAGER = "cloudresourcemanager.googleapis.com/v1/projects";
/** Google saying no, with words of its own that nobody may see. */
export function refusal(status: number, code: string, reason?: string): Answer {
  const error = { code: status, status: code, message: "secret words", ...(reason && { details: [{ reason }] }) };
  return { status, body: { error } };
}

/** A Google where everything works, but for what `override` says. */
export function google(ids: readonly string[], override: Override = () => undefined): Google {
  return (asked, earlier) => override(asked, earlier) ?? usual(ids, asked);
}

function usual(ids: readonly string[], { method, target }: Asked): Answer {
  const project = ids.find((id) => target.includes(`/projects/${id}`)) ?? "";
  const described = (id: string) => ({ projectId: id, projectNumber: "1", name: id, lifecycleState: "ACTIVE" });
  if (target === MANAGER) return { body: { projects: ids.map(described) } };
  if (target.endsWith("/billingInfo"))
    return { body: { billingEnabled: true, billingAccountName: "billingAccounts/A" } };
  if (target.endsWith(":batchEnable")) return { body: { name: "operations/noop.DONE_OPERATION", done: true } };
  if (target.endsWith(":getIamPolicy")) return { body: { etag: "e1", bindings: [] } };
  if (target.endsWith(":setIamPolicy")) return { body: {} };
  if (target.endsWith(":generateAccessToken")) return { body: { accessToken: "sa-token" } };
  if (target.endsWith("/serviceAccounts")) return { body: { email: `sa@${project}` } };
  if (target.endsWith("/datasets/billing_export")) return refusal(404, "NOT_FOUND");
  if (target.startsWith("bigquery")) return { body: {} };
  if (method === "GET" && target === `${MANAGER}/${project}`) return { body: described(project) };
  throw new Error(`nobody answers ${method} ${target}`);
}

/** Runs a whole set-up against that Google, in a world of its own. */
export async function run(answers: Google, order = ORDER) {
  const world = createSetupWorld(answers, [runningSetup()]);
  const runner = createFakeRunner();
  const end = await runSetup({ deps: world.deps, order, runner });
  return { ...world, end, runner, setup: world.store.rows.get(CONNECTION.id) };
}

/** The calls that went to such a place. */
export function asks(asked: readonly Asked[], part: string): readonly Asked[] {
  return asked.filter(({ target }) => target.includes(part));
}
