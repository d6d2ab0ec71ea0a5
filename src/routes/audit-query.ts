import { z } from "@hono/zod-openapi";
import type { AuditQuery } from "../domain/audit-chain.ts";
import { AUDIT_ACTIONS } from "../domain/audit-event.ts";
import { CHAIN_NAMES } from "../services/audit/choose-chain.ts";

/** Which events a call is about. */
export const FilterQuery = z.object({
  chain: z.enum(CHAIN_NAMES).optional().openapi({
    description: "Events that belong to no workspace. For the operator's workspace only.",
  }),
  after: z
    .string()
    .regex(/^\d{1,15}$/, "must be the number of an event")
    .optional(),
  action: z.enum(AUDIT_ACTIONS).optional(),
  actor: z.string().min(1).max(200).optional().openapi({
    description: "A user's or a key's id. Of a key also what it did for users.",
  }),
});

export function filterOf({ after, action, actor }: z.infer<typeof FilterQuery>): Omit<AuditQuery, "limit"> {
  return { after: Number(after ?? 0), action: action ?? null, actor: actor ?? null };
}
