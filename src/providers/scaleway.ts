import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import { apiKey } from "./api-key.ts";

const API_HOST = "api.scaleway.com";
const IAM = "/iam/v1alpha1";
const UNKNOWN_KEY = "Scaleway does not know this access key, or it is not the secret key's.";

const uuid = z.guid().toLowerCase();
const get = (path: string, { secret_key }: { readonly secret_key: string }) =>
  new Request(`https://${API_HOST}${path}`, { headers: { accept: "application/json", "x-auth-token": secret_key } });

/** @see https://www.scaleway.com/en/developers/api/iam/ and https://www.scaleway.com/en/developers/api/account/project-api/ */
export const scaleway = apiKey({
  id: "scaleway",
  name: "Scaleway",
  docsUrl: "https://www.scaleway.com/en/docs/iam/how-to/create-api-keys/",
  apiHosts: [API_HOST],
  inject: [{ kind: "headers", fields: { "x-auth-token": "secret_key" } }],
  credentials: z.strictObject({
    access_key: z.string().regex(/^SCW[A-Z0-9]{17,20}$/, "must be SCW and 17 to 20 capital letters or digits"),
    secret_key: uuid,
    organization_id: uuid.optional(),
    project_id: uuid.optional(),
  }),
  exposes: ["access_key", "secret_key", "organization_id", "project_id"],
  // The secret key alone opens the API: this is what proves the access key, and says when the pair expires.
  probe: (given) => get(`${IAM}/api-keys/${given.access_key}`, given),
  refusals: { 404: UNKNOWN_KEY },
  async identify(key, given, ask) {
    const bearer = given.organization_id === undefined ? await ask(get(bearerPath(key), given)) : null;
    const organization = given.organization_id ?? readText(bearer ?? {}, "organization_id");
    if (organization === null) throw new AppError("provider_rejected", "Scaleway did not say whose key this is.");
    const filter = new URLSearchParams({
      organization_id: organization,
      ...(given.project_id !== undefined && { project_ids: given.project_id }),
    });
    const projects = (await ask(get(`/account/v3/projects?${filter}`, given)))["total_count"];
    if (typeof projects !== "number") throw new AppError("provider_rejected", "Scaleway did not list the projects.");
    if (projects === 0) throw new AppError("provider_rejected", "Scaleway shows this key no such project.");
    const expiresAt = Date.parse(readText(key, "expires_at") ?? "") / 1000;
    const found = { organization_id: organization, ...(expiresAt > 0 && { expires_at: Math.floor(expiresAt) }) };
    return { account: organization, metadata: { organization_id: organization, projects_count: projects }, found };
  },
});

/** A key is borne by a person or by an application. */
function bearerPath(key: JsonObject): string {
  const [user, application] = [readText(key, "user_id"), readText(key, "application_id")];
  if (user !== null) return `${IAM}/users/${encodeURIComponent(user)}`;
  if (application !== null) return `${IAM}/applications/${encodeURIComponent(application)}`;
  throw new AppError("provider_rejected", UNKNOWN_KEY);
}
