import type { AuditQuery } from "../../domain/audit-chain.ts";
import type { AuditEvent } from "../../domain/audit-event.ts";
import { EVENT_WRITERS, type ExportFormat } from "../../domain/audit-export.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

type ExportDeps = Pick<Deps, "auditEvents" | "auditHeads">;

/** One page in memory at a time, however long the chain and however slow the reader. */
const PAGE = 1000;

/**
 * Every event up to now that fits, as the bytes of a file that is read from the database as it is read by the client.
 *
 * @throws `database_unavailable` before the first byte. Later the stream fails, so that the transfer breaks off: what
 *         arrived is not taken for the whole.
 */
export async function exportAuditEvents(
  deps: ExportDeps,
  scope: Scope,
  filter: Omit<AuditQuery, "limit">,
  format: ExportFormat,
): Promise<ReadableStream<Uint8Array>> {
  const head = await deps.auditHeads.settle(scope.workspaceId);
  const readPage = async (after: number): Promise<readonly AuditEvent[]> => {
    const events = await deps.auditEvents.list(scope, { ...filter, after, limit: PAGE });
    return events.filter(({ seq }) => seq <= head.seq);
  };
  const { head: begin, write } = EVENT_WRITERS[format];
  const encode = (text: string) => new TextEncoder().encode(text);
  let next: readonly AuditEvent[] | null = await readPage(filter.after);
  let text = begin;
  let lastSeq = filter.after;

  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const page = next ?? (await readPage(lastSeq));
          text += page.map(write).join("");
          if (text !== "") controller.enqueue(encode(text));
          if (page.length < PAGE) return controller.close();
          [next, text, lastSeq] = [null, "", page.at(-1)?.seq ?? head.seq];
        } catch (error) {
          controller.error(error);
        }
      },
    },
    // Nothing is read ahead of the client.
    { highWaterMark: 0 },
  );
}
