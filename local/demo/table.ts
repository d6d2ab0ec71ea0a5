/** What nobody can do: nothing to renew, or nothing to take down. */
export const NOTHING = "–";
/** The widest column is the last. */
const HEADINGS = ["provider", "kind", "probe", "refresh", "upstream revocation", "token"];

/** A line of the table; `problem` is a sentence, null when all went well. */
export interface Row {
  readonly provider: string;
  readonly kind: string;
  probe: string;
  token: string;
  refresh: string;
  revocation: string;
  problem: string | null;
}

/** A row before anything was played. */
export function beginRow(provider: string, kind: string): Row {
  return { provider, kind, probe: "failed", token: NOTHING, refresh: NOTHING, revocation: NOTHING, problem: null };
}

/** The table, and what its marks mean. */
export function formatTable(rows: readonly Row[]): string {
  const cells = ({ provider, kind, probe, refresh, revocation, token }: Row) => {
    return [provider, kind, probe, refresh, revocation, token];
  };
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const table = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [...table, "", ...LEGEND].join("\n");
}

const LEGEND = [
  "probe: the provider accepted the credential before it was stored.  refresh: a new one came when asked by force.",
  "upstream revocation: the provider was told at the disconnect.  token: the fields a caller gets; the rest stays inside.",
  `${NOTHING}: the credential does not renew, or the provider has no such call (docs/providers.md).`,
];
