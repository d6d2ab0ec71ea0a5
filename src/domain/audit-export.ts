import { canonicalJson } from "./audit-chain.ts";
import type { AuditEvent } from "./audit-event.ts";

/** How events are written into a file: lines of JSON, or a table (RFC 4180). */
export const EXPORT_FORMATS = ["jsonl", "csv"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What a file begins with, and how each event is written into it. */
export interface EventWriter {
  readonly mediaType: string;
  readonly head: string;
  readonly write: (event: AuditEvent) => string;
}

/** What a spreadsheet would take for a formula. @see https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r\n]/;

const CSV_COLUMNS: readonly (readonly [name: string, read: (event: AuditEvent) => unknown])[] = [
  ["seq", ({ seq }) => seq],
  ["at", ({ at }) => at],
  ["action", ({ action }) => action],
  ["outcome", ({ outcome }) => outcome],
  ["actor_type", ({ actor }) => actor.type],
  ["actor_id", ({ actor }) => actor.id],
  ["actor_via", ({ actor }) => actor.via],
  ["resource_type", ({ resource }) => resource?.type],
  ["resource_id", ({ resource }) => resource?.id],
  ["resource_provider", ({ resource }) => resource?.provider],
  ["ip", ({ ip }) => ip],
  ["request_id", ({ request_id }) => request_id],
  ["detail", ({ detail }) => canonicalJson(detail)],
  ["hash", ({ hash }) => hash],
];

export const EVENT_WRITERS: Readonly<Record<ExportFormat, EventWriter>> = {
  jsonl: { mediaType: "application/x-ndjson; charset=utf-8", head: "", write: toJsonLine },
  csv: {
    mediaType: "text/csv; charset=utf-8; header=present",
    head: toCsvRow(CSV_COLUMNS.map(([name]) => name)),
    write: (event) => toCsvRow(CSV_COLUMNS.map(([, read]) => read(event))),
  },
};

/** The text that was hashed, with the hash as its last member: who takes that off again has the text, byte by byte. */
function toJsonLine({ hash, ...event }: AuditEvent): string {
  return `${canonicalJson(event).slice(0, -1)},"hash":${JSON.stringify(hash)}}\n`;
}

/** A row that ends in CRLF; null and undefined are empty. @see https://www.rfc-editor.org/rfc/rfc4180#section-2 */
function toCsvRow(cells: readonly unknown[]): string {
  return `${cells.map((cell) => quoteCell(cell == null ? "" : String(cell))).join(",")}\r\n`;
}

/** A cell as it is written: formulas made text by an apostrophe, and in quotes where it has to be. */
export function quoteCell(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
