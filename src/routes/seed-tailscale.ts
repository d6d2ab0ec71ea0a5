import { z } from "@hono/zod-openapi";
import { readText } from "../domain/json.ts";
import { toRfc3339 } from "../domain/time.ts";
import { connectAccount } from "../services/connections/connect-account.ts";
import { findReadable } from "../services/connections/find-readable.ts";
import { refreshToken } from "../services/connections/refresh-token.ts";
import { callerOf } from "./caller.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const TAILSCALE = "tailscale";
const text = z.string().min(1).optional();

const connect = defineRoute({
  method: "post",
  path: "/tailscale_api/tailscale/connect",
  summary: "Connect a Tailscale OAuth client (the seed's path and field names)",
  access: "connections:write",
  limit: "connect",
  request: {
    body: jsonBody(
      z
        .object({
          clientId: text,
          client_id: text,
          clientSecret: text,
          client_secret: text,
          tailnet: z.string().optional(),
        })
        .openapi("TailscaleConnect"),
    ),
  },
  responses: {
    200: {
      description: "Connected",
      content: jsonContent(
        z
          .object({
            success: z.literal(true),
            message: z.string(),
            tailnet: z.string(),
            tailnetName: z.string(),
            deviceCount: z.int(),
            warning: z.string().optional(),
          })
          .openapi("TailscaleConnected"),
      ),
    },
  },
});

const refresh = <Path extends string>(path: Path) =>
  defineRoute({
    method: "post",
    path,
    summary: "Mint a new Tailscale token (the seed's path)",
    access: "connections:write",
    limit: "connect",
    request: { body: jsonBody(z.object({ tailnet: z.string().optional() })) },
    responses: {
      200: {
        description: "Minted",
        content: jsonContent(
          z.object({ success: z.literal(true), message: z.string(), expiresAt: z.string().nullable() }),
        ),
      },
    },
  });

/** The seed's own paths for Tailscale. */
export const seedTailscaleRoutes = createRouter()
  .openapi(connect, async (c) => {
    const body = c.req.valid("json");
    const named = {
      client_id: body.clientId ?? body.client_id,
      client_secret: body.clientSecret ?? body.client_secret,
      tailnet: body.tailnet || undefined,
    };
    const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
    const { account, metadata } = (await connectAccount(c.var.deps, callerOf(c), TAILSCALE, given)).connection;
    const warning = readText(metadata, "warning");
    const answer = {
      success: true as const,
      message: "Tailscale connected successfully",
      tailnet: account,
      tailnetName: readText(metadata, "tailnet_name") ?? account,
      deviceCount: Number(metadata["device_count"] ?? 0),
      ...(warning !== null && { warning }),
    };
    return c.json(answer, 200);
  })
  .openapi(refresh("/tailscale_api/tailscale/refresh-token"), async (c) =>
    c.json(await mintAgain(c.var.deps, callerOf(c), c.req.valid("json").tailnet), 200),
  )
  .openapi(refresh("/tailscale/refresh-token"), async (c) =>
    c.json(await mintAgain(c.var.deps, callerOf(c), c.req.valid("json").tailnet), 200),
  );

async function mintAgain(
  deps: Parameters<typeof refreshToken>[0],
  caller: ReturnType<typeof callerOf>,
  tailnet: string | undefined,
) {
  const { id } = await findReadable(deps, caller, [TAILSCALE], tailnet ?? null);
  const { credential } = await refreshToken(deps, caller, id, true);
  const expiresAt = toRfc3339(credential.expiresAt);
  return { success: true as const, message: "Tailscale token refreshed successfully", expiresAt };
}
