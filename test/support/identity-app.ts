import { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "../../src/middleware/app-env.ts";
import { auditForbidden } from "../../src/middleware/audit-forbidden.ts";
import { csrf } from "../../src/middleware/csrf.ts";
import { renderError } from "../../src/middleware/render-error.ts";
import { apiKeyRoutes } from "../../src/routes/api-keys.ts";
import { authRoutes } from "../../src/routes/auth.ts";
import { sessionRoutes } from "../../src/routes/sessions.ts";
import { userRoutes } from "../../src/routes/users.ts";
import type { Deps } from "../../src/services/deps.ts";
import type { IdentityWorld } from "./identity-world.ts";

/** The routes of identity over the in-memory world, as the Worker mounts them. */
export function createIdentityApp({ deps }: IdentityWorld): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.onError(renderError);
  app.use(async (c, next) => {
    // Identity asks for nothing beyond the world; what else a service may ask for is not there.
    c.set("deps", { ...deps, connections: { listOwned: async () => [] } } as unknown as Deps);
    c.set("requestId", "req_1");
    c.set("ip", c.req.header("cf-connecting-ip") ?? null);
    await next();
  });
  app.use(auditForbidden);
  app.use(csrf);
  for (const routes of [authRoutes, sessionRoutes, userRoutes, apiKeyRoutes]) app.route("/", routes);
  return app;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever was answered.
  readonly body: any;
}

/** Sends JSON and reads the answer. */
export async function send(
  app: OpenAPIHono<AppEnv>,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const init =
    body === undefined
      ? { method, headers }
      : { method, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
  const response = await app.request(path, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

export function bearer(token: string): { readonly headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` } };
}
