import { createMiddleware } from "hono/factory";
import { actorOf } from "../domain/call.ts";
import { isAppError } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import type { AppEnv } from "./app-env.ts";
import { countRefusal } from "./count-refusal.ts";

/** Counts a proven caller who was refused as forbidden deeper than by the guard of a route, which counts its own. */
export const auditForbidden = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  // On an open route nobody is known, whatever the type of the variable says.
  const principal: Principal | undefined = c.var.principal;
  if (!isAppError(c.error) || c.error.code !== "forbidden" || principal === undefined) return;
  if (c.var.isRefusalCounted) return;
  const { workspaceId } = principal;
  await countRefusal(c, { action: "auth.forbidden", actor: actorOf(principal), workspaceId, reason: "not_allowed" });
});
