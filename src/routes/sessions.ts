import { z } from "@hono/zod-openapi";
import { requireId } from "../domain/ids.ts";
import type { Session } from "../domain/ports/identity-stores.ts";
import type { Principal } from "../domain/principal.ts";
import { toRfc3339 } from "../domain/time.ts";
import { endSession } from "../services/identity/end-session.ts";
import { listSessions } from "../services/identity/list-sessions.ts";
import { callOf } from "./call.ts";
import { IdParam } from "./identity-schemas.ts";
import { createRouter, defineRoute, jsonContent } from "./router.ts";
import { PageQuery, pageOf } from "./schemas.ts";

const SessionSchema = z
  .object({
    id: z.string(),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    current: z.boolean().openapi({ description: "True for the session that asks" }),
  })
  .openapi("Session");
const SessionPage = z.object({ sessions: z.array(SessionSchema), next: z.string().nullable() }).openapi("SessionPage");

const list = defineRoute({
  method: "get",
  path: "/api/auth/sessions",
  summary: "One's own live sessions, newest first",
  access: "session",
  request: { query: PageQuery },
  responses: { 200: { description: "The sessions", content: jsonContent(SessionPage) } },
});

const end = defineRoute({
  method: "delete",
  path: "/api/auth/sessions/{id}",
  summary: "End one of one's own sessions",
  access: "session",
  request: { params: IdParam },
  responses: { 204: { description: "Ended" } },
});

/** A person's own sessions. */
export const sessionRoutes = createRouter()
  .openapi(list, async (c) => {
    const { principal, deps } = c.var;
    const { items, next } = await listSessions(deps, principal, pageOf(c.req.valid("query")));
    return c.json({ sessions: items.map((session) => renderSession(session, principal)), next }, 200);
  })
  .openapi(end, async (c) => {
    await endSession(c.var.deps, c.var.principal, requireId("ses", c.req.valid("param").id), callOf(c));
    return c.body(null, 204);
  });

function renderSession(session: Session, { credential }: Principal): z.infer<typeof SessionSchema> {
  return {
    id: session.id,
    created_at: toRfc3339(session.createdAt),
    expires_at: toRfc3339(session.expiresAt),
    ip: session.ip,
    user_agent: session.userAgent,
    current: credential.kind === "session" && credential.sessionId === session.id,
  };
}
