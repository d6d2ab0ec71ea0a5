import { z } from "@hono/zod-openapi";
import type { PageRequest } from "../domain/page.ts";

/** Every refusal has this body. */
export const ErrorSchema = z
  .object({
    error: z.string(),
    code: z.string(),
    request_id: z.string(),
    details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .openapi("Error");

/** Lists take these; outside the bounds is 400. */
export const MAX_PAGE = 200;
export const DEFAULT_PAGE = 50;
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
  after: z.string().min(1).max(200).optional(),
});

/** The page a list was asked for. */
export function pageOf({ limit, after }: z.infer<typeof PageQuery>): PageRequest {
  return { limit, after: after ?? null };
}

/** Text a form may leave empty, which counts as left out. */
export const BlankableText = z
  .string()
  .nullish()
  .transform((text) => text || undefined);
