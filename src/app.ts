import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { except } from "hono/combine";
import { AppError } from "./domain/errors.ts";
import type { AppEnv } from "./middleware/app-env.ts";
import { auditForbidden } from "./middleware/audit-forbidden.ts";
import { cors } from "./middleware/cors.ts";
import { csrf } from "./middleware/csrf.ts";
import { measure } from "./middleware/measure.ts";
import { plainUrl } from "./middleware/plain-url.ts";
import { renderError, renderNotFound } from "./middleware/render-error.ts";
import { requestContext } from "./middleware/request-context.ts";
import { requestLog } from "./middleware/request-log.ts";
import { securityHeaders } from "./middleware/security-headers.ts";
import { alertRoutes } from "./routes/alerts.ts";
import { apiKeyRoutes } from "./routes/api-keys.ts";
import { auditRoutes } from "./routes/audit.ts";
import { auditFileRoutes } from "./routes/audit-files.ts";
import { authRoutes } from "./routes/auth.ts";
import { connectionRoutes } from "./routes/connections.ts";
import { healthRoutes } from "./routes/health.ts";
import { kubectlTokenRoutes } from "./routes/kubectl-tokens.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { oauthRoutes } from "./routes/oauth.ts";
import { openApiRoutes } from "./routes/openapi.ts";
import { pageRoutes } from "./routes/pages.ts";
import { providerRoutes } from "./routes/providers.ts";
import { proxyRoutes } from "./routes/proxy.ts";
import { seedRoutes } from "./routes/seed.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { userRoutes } from "./routes/users.ts";
import { versionRoutes } from "./routes/versions.ts";
import { webhookRoutes } from "./routes/webhooks.ts";

/** A body over this is 413, before anything reads it. */
const MAX_BODY_BYTES = 64 * 1024;

/** The whole service: middleware in order, then routes. */
export function createApp(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.onError(renderError);
  app.notFound(renderNotFound);

  app.use(securityHeaders);
  app.use(requestContext);
  app.use(requestLog);
  app.use(measure);
  app.use(cors);
  app.use(plainUrl);
  app.use(auditForbidden);
  app.use(csrf);
  // The proxy passes bodies on as they come, of any length.
  app.use(except("/api/v1/proxy/*", bodyLimit({ maxSize: MAX_BODY_BYTES, onError: refuseBody })));

  app.route("/", healthRoutes);
  app.route("/", authRoutes);
  app.route("/", sessionRoutes);
  app.route("/", userRoutes);
  app.route("/", apiKeyRoutes);
  app.route("/", kubectlTokenRoutes);
  app.route("/", providerRoutes);
  app.route("/", connectionRoutes);
  app.route("/", versionRoutes);
  app.route("/", tokenRoutes);
  app.route("/", proxyRoutes);
  app.route("/", oauthRoutes);
  app.route("/", seedRoutes);
  app.route("/", auditRoutes);
  app.route("/", metricsRoutes);
  app.route("/", auditFileRoutes);
  app.route("/", webhookRoutes);
  app.route("/", alertRoutes);
  app.route("/", pageRoutes);
  app.route("/", openApiRoutes(app));
  return app;
}

function refuseBody(): never {
  throw new AppError("payload_too_large", "The body is over 64 KiB.");
}
