import { createApp } from "./app.ts";
import type { Bindings } from "./bindings.ts";
import { runCron } from "./cron.ts";
import { createDeps } from "./deps.ts";

export { AuditLog } from "./durable-objects/audit-log.ts";
export { ConnectionKeeper } from "./durable-objects/connection-keeper.ts";
export { Metrics } from "./durable-objects/metrics.ts";
export { OAuthHandshake } from "./durable-objects/oauth-handshake.ts";
export { RateLimiter } from "./durable-objects/rate-limiter.ts";
export { VaultSession } from "./durable-objects/vault-session.ts";
export { WebhookSender } from "./durable-objects/webhook-sender.ts";
export { GcpSetup } from "./workflows/gcp-setup.ts";

const app = createApp();

/** The Worker. */
export default {
  fetch: (request, env, context) => app.fetch(request, { createDeps: () => createDeps(env, context) }, context),
  scheduled: (event, env, context) => runCron(event.cron, createDeps(env, context)),
} satisfies ExportedHandler<Bindings>;
