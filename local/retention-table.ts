import type { RetentionLine } from "../src/domain/retention.ts";
import { toRfc3339 } from "../src/domain/time.ts";

/** What is due, as lines of a table; the sum last. */
export function formatPlan(plan: readonly RetentionLine[]): readonly string[] {
  const head = ["kind", "workspace", "count", "oldest"] as const;
  const rows = plan.map(({ kind, workspaceId, count, oldest }) => [
    kind,
    workspaceId,
    String(count),
    toRfc3339(oldest),
  ]);
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows].map((row) => formatRow(row, widths));
}

/** Numbers, the third column, stand to the right. */
function formatRow(row: readonly string[], widths: readonly number[]): string {
  const cells = row.map((cell, column) => {
    const width = widths[column] ?? 0;
    return column === 2 ? cell.padStart(width) : cell.padEnd(width);
  });
  return cells.join("  ").trimEnd();
}

/** How many of each kind a plan holds. */
export function countByKind(plan: readonly RetentionLine[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { kind, count } of plan) counts.set(kind, (counts.get(kind) ?? 0) + count);
  return counts;
}
