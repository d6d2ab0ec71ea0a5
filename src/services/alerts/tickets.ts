import { readId } from "../../domain/ids.ts";
import type { Principal } from "../../domain/principal.ts";
import { createRandomText } from "../../domain/random-text.ts";
import { addSeconds } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";
import { type Authentication, refuse, unauthenticated } from "../identity/authentication.ts";

/** Long enough to open a socket with, short enough to be worthless in a log. */
export const TICKET_SECONDS = 30;
/** The workspace, whose log keeps it, and 256 random bits. */
const TICKET = /^wst_([0-9a-f]{32})_[\w-]{43}$/;

/** A ticket that opens one socket as the caller. Only its hash is kept. */
export async function issueTicket(
  deps: Pick<Deps, "alerts" | "random" | "sha256" | "now">,
  principal: Principal,
): Promise<string> {
  const { workspaceId } = principal;
  const ticket = `wst_${workspaceId.slice("wsp_".length)}_${createRandomText(deps.random)}`;
  await deps.alerts.keepTicket(workspaceId, {
    hash: await deps.sha256(ticket),
    // Who they are is not needed to listen.
    principal: { ...principal, email: null, name: null },
    expiresAt: addSeconds(deps.now(), TICKET_SECONDS),
  });
  return ticket;
}

/** The caller who had the ticket made. It is spent now, whatever comes of it. */
export async function redeemTicket(deps: Pick<Deps, "alerts" | "sha256">, raw: string): Promise<Authentication> {
  const workspaceId = readId("wsp", `wsp_${TICKET.exec(raw)?.[1] ?? ""}`);
  if (workspaceId === null) return refuse("invalid_ticket", unauthenticated());
  const principal = await deps.alerts.takeTicket(workspaceId, await deps.sha256(raw));
  // The workspace of a made-up ticket is made up too: nothing is recorded in its name.
  if (principal === null) return refuse("invalid_ticket", unauthenticated());
  return { ok: true, principal, connection: undefined };
}
