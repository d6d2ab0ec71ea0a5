import { z } from "@hono/zod-openapi";
import type { Connection } from "../domain/connection.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import { connectAccount } from "../services/connections/connect-account.ts";
import { disconnectProvider, findUsable } from "../services/connections/provider-status.ts";
import { callerOf } from "./caller.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

/** One provider as the seed's own paths know it. */
interface SeedKeyProvider {
  readonly id: string;
  /** Default: `/{id}`. */
  readonly prefix?: string;
  /** Our field: the seed's names for it, the first one given counts. Our own names are taken too. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** The seed's answer: its field, from our metadata of the connection. */
  readonly answer: Readonly<Record<string, string>>;
  /** What a person calls the thing: given, answered, and not kept. */
  readonly echo?: readonly string[];
  /** What is so whenever it is connected, since nothing is stored that was not proven. */
  readonly always?: JsonObject;
  /** False where the seed names `connect` alone. Default: true. */
  readonly hasStatus?: boolean;
}

const BASE_URL = ["baseUrl", "url"];
const API_TOKEN = ["apiToken", "token"];

/** Names as in the documents this product comes from; what is not named here is not read. */
const SEED_KEY_PROVIDERS: readonly SeedKeyProvider[] = [
  {
    id: "coroot",
    fields: { base_url: ["url", "baseUrl"], email: [], password: [] },
    answer: { url: "base_url", projects: "projects" },
  },
  {
    id: "datadog",
    fields: { api_key: ["apiKey"], app_key: ["appKey", "applicationKey"], site: [] },
    answer: { site: "site", baseUrl: "base_url", org: "organization_id" },
    echo: ["serviceAccountName"],
    always: { validated: true },
  },
  {
    id: "grafana",
    fields: { base_url: BASE_URL, service_account_token: ["serviceAccountToken", "apiKey", "api_key", ...API_TOKEN] },
    answer: { baseUrl: "base_url", org: "organization" },
  },
  {
    id: "netdata",
    fields: { api_token: API_TOKEN, base_url: [...BASE_URL, "spaceUrl"] },
    answer: { baseUrl: "base_url" },
    echo: ["spaceName"],
  },
  {
    id: "scaleway",
    prefix: "/scaleway_api/scaleway",
    fields: {
      access_key: ["accessKey"],
      secret_key: ["secretKey"],
      organization_id: ["organizationId"],
      project_id: ["projectId"],
    },
    answer: { organizationId: "organization_id", projectsCount: "projects_count" },
    hasStatus: false,
  },
  {
    id: "splunk",
    fields: { base_url: BASE_URL, api_token: API_TOKEN },
    answer: { server: "server", baseUrl: "base_url", username: "username" },
  },
  {
    id: "thousandeyes",
    fields: { api_token: API_TOKEN, account_group_id: ["accountGroupId", "aid"] },
    answer: { account_group_id: "account_group_id", account_groups: "account_groups" },
  },
];

const connected = jsonContent(z.looseObject({ success: z.literal(true), message: z.string() }));
const status = jsonContent(z.looseObject({ connected: z.boolean() }));
const disconnected = jsonContent(z.object({ success: z.literal(true), message: z.string() }));

/** The seed's own paths for providers that are connected by a key: connect, status and disconnect, one table for all. */
export const seedKeyRoutes = createRouter();

for (const provider of SEED_KEY_PROVIDERS) {
  const { id, prefix = `/${id}`, hasStatus = true } = provider;
  const connect = defineRoute({
    method: "post",
    path: `${prefix}/connect`,
    summary: `Connect ${id} by its credentials (the seed's path and field names)`,
    access: "connections:write",
    limit: "connect",
    request: { body: jsonBody(z.record(z.string(), z.unknown())) },
    responses: { 200: { description: "Connected", content: connected } },
  });
  seedKeyRoutes.openapi(connect, async (c) => {
    const body = c.req.valid("json");
    const { connection } = await connectAccount(c.var.deps, callerOf(c), id, readFields(provider, body));
    const echo = Object.fromEntries((provider.echo ?? []).map((name) => [name, readText(body, name)]));
    const message = `${id} connected successfully`;
    return c.json({ success: true as const, message, ...describe(provider, connection), ...echo }, 200);
  });
  if (hasStatus) addStatus(provider, prefix);
}

function addStatus(provider: SeedKeyProvider, prefix: string): void {
  const { id } = provider;
  const read = defineRoute({
    method: "get",
    path: `${prefix}/status`,
    summary: `Whether ${id} is connected; what is stored, without asking it`,
    access: "connections:read",
    responses: { 200: { description: "The status", content: status } },
  });
  const end = defineRoute({
    method: "delete",
    path: `${prefix}/disconnect`,
    summary: `End one's own connections to ${id}; again is no error`,
    access: "connections:write",
    responses: { 200: { description: "Ended, or none was there", content: disconnected } },
  });
  seedKeyRoutes
    .openapi(read, async (c) => {
      const connection = await findUsable(c.var.deps, c.var.principal, id);
      if (connection === null) return c.json({ connected: false }, 200);
      const { status: state, account } = connection;
      return c.json({ connected: true, provider: id, status: state, account, ...describe(provider, connection) }, 200);
    })
    .openapi(end, async (c) => {
      const { ended, isPending } = await disconnectProvider(c.var.deps, callerOf(c), id);
      const sentence = ended === 0 ? `${id} was not connected` : `${id} disconnected successfully`;
      const message = isPending ? `${id} is unreadable now; it is erased when the secret store is back` : sentence;
      return c.json({ success: true as const, message }, 200);
    });
}

/** Our names for what a body holds, and `account` and `shared`, which every connect takes. */
function readFields({ fields }: SeedKeyProvider, body: JsonObject): JsonObject {
  const named = Object.entries({ ...fields, account: [], shared: [] }).flatMap(([field, aliases]) => {
    // A form sends what was left empty as well.
    const name = [field, ...aliases].find((candidate) => (body[candidate] ?? "") !== "");
    return name === undefined ? [] : [[field, body[name]] as const];
  });
  return Object.fromEntries(named);
}

function describe({ answer, always }: SeedKeyProvider, { metadata }: Connection): JsonObject {
  const named = Object.entries(answer).map(([name, field]) => [name, metadata[field] ?? null]);
  return { ...Object.fromEntries(named), ...always };
}
