import { z } from "@hono/zod-openapi";
import { AUDIT_ACTIONS } from "../domain/audit-event.ts";
import { chooseChain } from "../services/audit/choose-chain.ts";
import { listAuditEvents } from "../services/audit/list-audit-events.ts";
import { type ChainVerdict, verifyAuditChain } from "../services/audit/verify-audit-chain.ts";
import { FilterQuery, filterOf } from "./audit-query.ts";
import { createRouter, defineRoute, jsonContent } from "./router.ts";
import { PageQuery } from "./schemas.ts";

const ActorSchema = z.object({
  type: z.enum(["user", "api_key", "kubectl_token", "system", "anonymous"]),
  id: z.string().nullable(),
  via: z.string().optional().openapi({ description: "The key behind an impersonated user." }),
});

const EventSchema = z
  .object({
    seq: z.int().min(1),
    at: z.string(),
    action: z.enum(AUDIT_ACTIONS),
    outcome: z.enum(["success", "failure"]),
    actor: ActorSchema,
    resource: z.object({ type: z.string(), id: z.string().nullable(), provider: z.string().optional() }).nullable(),
    ip: z.string().nullable(),
    request_id: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
    hash: z.string(),
  })
  .openapi("AuditEvent");

const PageSchema = z.object({ events: z.array(EventSchema), next: z.string().nullable() });

const ListQuery = PageQuery.extend(FilterQuery.shape);

const listEvents = defineRoute({
  method: "get",
  path: "/api/v1/audit",
  access: "audit:read",
  summary: "Everything that happened in the workspace, oldest first",
  request: { query: ListQuery },
  responses: { 200: { description: "A page of events", content: jsonContent(PageSchema) } },
});

const VerdictSchema = z.object({
  ok: z.boolean(),
  events: z.int().openapi({ description: "How many were found good, from where it began." }),
  first_bad_seq: z.int().optional(),
  first_bad_checkpoint: z.int().optional().openapi({
    description: "The stored checkpoint of that number is not the one that was signed; the events are good.",
  }),
  proven_seq: z.int().openapi({
    description: "Every event up to this one is certainly the recorded one; those behind it only fit together.",
  }),
  next: z.string().nullable().openapi({
    description: "The chain is longer than one call verifies: ask again with this as `after`.",
  }),
});

const verifyEvents = defineRoute({
  method: "get",
  path: "/api/v1/audit/verify",
  access: "audit:read",
  summary: "Whether the stored events are still the recorded ones",
  request: { query: FilterQuery.pick({ chain: true, after: true }) },
  responses: { 200: { description: "The verdict", content: jsonContent(VerdictSchema) } },
});

export const auditRoutes = createRouter()
  .openapi(listEvents, async (c) => {
    const { limit, ...query } = c.req.valid("query");
    const scope = chooseChain(c.var.deps, c.var.principal, query.chain);
    const { events, next } = await listAuditEvents(c.var.deps, scope, { ...filterOf(query), limit });
    return c.json({ events: [...events], next }, 200);
  })
  .openapi(verifyEvents, async (c) => {
    const { chain, after } = c.req.valid("query");
    const scope = chooseChain(c.var.deps, c.var.principal, chain);
    const verdict = await verifyAuditChain(c.var.deps, scope, Number(after ?? 0));
    return c.json(renderVerdict(verdict), 200);
  });

function renderVerdict({ ok, events, firstBadSeq, firstBadCheckpoint, provenSeq, next }: ChainVerdict) {
  return {
    ok,
    events,
    ...(firstBadSeq !== null && { first_bad_seq: firstBadSeq }),
    ...(firstBadCheckpoint !== null && { first_bad_checkpoint: firstBadCheckpoint }),
    proven_seq: provenSeq,
    next: next === null ? null : String(next),
  };
}
