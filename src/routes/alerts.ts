import { z } from "@hono/zod-openapi";
import { subscriberOf } from "../domain/alert-subscriber.ts";
import { AppError } from "../domain/errors.ts";
import { issueTicket, TICKET_SECONDS } from "../services/alerts/tickets.ts";
import { CHAIN_NAMES, chooseChain } from "../services/audit/choose-chain.ts";
import { createRouter, defineRoute, jsonContent } from "./router.ts";

const DESCRIPTION = `A WebSocket (RFC 6455) that sends every event of the workspace's audit log as it is recorded, in order.

Frames are JSON texts. The server sends \`{"type":"event", …}\` with the fields \`GET /api/v1/audit\` shows.
The client may send \`{"type":"ping"}\`, which \`{"type":"pong"}\` answers, and \`{"type":"filter","actions":["user.login", …]}\`,
after which only events of these actions are sent; an empty list lets all through again. Anything else is answered by
\`{"type":"error", "code": "invalid_request", …}\` and changes nothing.

It closes with 1008 when the credential expires, is revoked or loses \`audit:read\`, and after more than five client frames in
60 seconds; 1009 after a frame over 64 KiB; 1003 after a binary one; 1013 when the client is too slow or the log cannot be read.
Come back with \`after\` set to the last \`seq\` you have: no event is left out and none comes twice. A deploy closes sockets too.

Send a ping now and then: what was sent since a client last said anything counts as unread, and 4 MiB of it is too slow. After
8 MiB every socket is closed with 1013: coming back with \`after\` is the only proof of having read. A client that does not
answer a close within ten seconds loses the connection.`;

const QuerySchema = z.object({
  after: z
    .string()
    .regex(/^\d{1,15}$/, "must be the number of an event")
    .optional()
    .openapi({ description: "The `seq` of the last event you have; 0 for all there are. Left out: from now on." }),
  chain: z.enum(CHAIN_NAMES).optional().openapi({
    description: "Events that belong to no workspace. For the operator's workspace only.",
  }),
});

const openSocket = defineRoute({
  method: "get",
  path: "/api/v1/ws/alerts",
  access: "audit:read",
  limit: "alerts",
  socket: true,
  summary: "Live alerts: the audit log as it happens, over a WebSocket",
  description: DESCRIPTION,
  request: { query: QuerySchema },
  responses: { 101: { description: "The socket is open" } },
});

const TicketSchema = z.object({ ticket: z.string(), expires_in: z.int() });

const makeTicket = defineRoute({
  method: "post",
  path: "/api/v1/ws/ticket",
  access: "audit:read",
  limit: "alerts",
  summary: "A ticket that opens one socket, for pages of another origin and clients that can set no header",
  responses: { 200: { description: "The ticket, good once", content: jsonContent(TicketSchema) } },
});

export const alertRoutes = createRouter()
  .openapi(openSocket, async (c) => {
    const { after, chain } = c.req.valid("query");
    const { deps, principal } = c.var;
    if (c.req.raw.method !== "GET" || c.req.header("upgrade")?.toLowerCase() !== "websocket") {
      throw new AppError("invalid_request", "Open this as a WebSocket.");
    }
    const webSocket = await deps.alerts.open({
      chain: chooseChain(deps, principal, chain).workspaceId,
      subscriber: subscriberOf(principal),
      after: after === undefined ? null : Number(after),
    });
    // The headers every answer has are on the context: a response with a socket is made by hand.
    const { headers } = c.body(null);
    return new Response(null, { status: 101, webSocket, headers });
  })
  .openapi(makeTicket, async (c) => {
    const ticket = await issueTicket(c.var.deps, c.var.principal);
    return c.json({ ticket, expires_in: TICKET_SECONDS }, 200);
  });
