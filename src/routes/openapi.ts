import type { OpenAPIHono } from "@hono/zod-openapi";
import { DocsPage } from "../console/docs-page.tsx";
import { renderPage } from "../console/render-page.ts";
import type { AppEnv } from "../middleware/app-env.ts";
import { createRouter, defineRoute } from "./router.ts";

const VERSION = "0.1.0";

const document = defineRoute({
  method: "get",
  path: "/openapi.json",
  summary: "This description, OpenAPI 3.1",
  access: "open",
  responses: { 200: { description: "The document, as JSON" } },
});

const docs = defineRoute({
  method: "get",
  path: "/docs",
  summary: "This description, readable in a browser",
  access: "open",
  responses: { 200: { description: "A page" } },
});

/** The description of `app`, generated from the schemas that validate. */
export function openApiRoutes(app: OpenAPIHono<AppEnv>) {
  app.openAPIRegistry.registerComponent("securitySchemes", "session", { type: "http", scheme: "bearer" });
  app.openAPIRegistry.registerComponent("securitySchemes", "cookie", {
    type: "apiKey",
    in: "cookie",
    name: "access_token",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "apiKey", {
    type: "apiKey",
    in: "header",
    name: "X-API-Key",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "actAs", {
    type: "apiKey",
    in: "header",
    name: "X-User-ID",
    description: "Beside an API key that has users:impersonate: the user it acts as.",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "metricsToken", {
    type: "http",
    scheme: "bearer",
    description: "METRICS_TOKEN, which the operator has set.",
  });
  for (const name of ["ticket", "token"]) {
    app.openAPIRegistry.registerComponent("securitySchemes", name, { type: "apiKey", in: "query", name });
  }
  const describe = (url: string) =>
    app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "Aurora Edge", version: VERSION, description: "A credential broker at the edge." },
      servers: [{ url }],
    });
  return createRouter()
    .openapi(document, (c) => c.json(describe(c.var.deps.settings.publicUrl)))
    .openapi(docs, (c) => renderPage(c, DocsPage(describe(c.var.deps.settings.publicUrl))));
}
