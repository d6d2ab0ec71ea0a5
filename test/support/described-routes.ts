import { createApp } from "../../src/app.ts";
import type { Permission } from "../../src/domain/permissions.ts";

interface Operation {
  readonly "x-access": "open" | "any" | "session" | Permission;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> };
}

interface Schema {
  readonly $ref?: string;
  readonly additionalProperties?: unknown;
}

/** A route that is registered, with what the OpenAPI document says of it. */
export interface Route {
  readonly name: string;
  readonly method: string;
  /** As OpenAPI writes it: `/api/v1/users/{id}`. */
  readonly path: string;
  readonly operation: Operation | undefined;
}

/** Routes and what is described of them are the same wherever the Worker runs: no binding is needed. */
export const app = createApp();
export const description = JSON.parse(
  JSON.stringify(app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "Aurora Edge", version: "0" } })),
) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};
/** Every route there is: a new one is in here by being registered. */
export const ROUTES = listRoutes();

function listRoutes(): readonly Route[] {
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  const names = new Set(routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)(?:\{[^}]*\})?/g, "{$1}")}`));
  return [...names].map((name) => {
    const [method = "", path = ""] = name.split(" ");
    return { name, method, path, operation: description.paths[path]?.[method.toLowerCase()] };
  });
}

/**
 * The path with its parameters filled in.
 *
 * @param ids What stands in for each parameter; anything else is made up.
 */
export function fill(path: string, ids: Readonly<Record<string, string>> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? (name === "provider" ? "grafana" : "made-up"));
}

/** Routes that take JSON. */
export const WITH_BODY = ROUTES.filter(({ operation }) => operation?.requestBody?.content?.["application/json"]);

/** What a route's JSON body must look like. */
export function schemaOf({ operation }: Route): Schema {
  const schema = operation?.requestBody?.content?.["application/json"]?.schema ?? {};
  return schema.$ref ? (description.components.schemas[schema.$ref.split("/").at(-1) ?? ""] ?? {}) : schema;
}
