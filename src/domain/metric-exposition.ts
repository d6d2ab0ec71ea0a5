import { BUCKETS, type LabelRule, METRICS, type MetricDefinition } from "./metric.ts";
import { type Family, type Series, zeros } from "./metric-series.ts";

/** What Prometheus wants to be told of the text. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Combinations of labels that may happen are shown from the start, as 0: a first time can then be seen as a rise. */
const MOST_ZEROS = 128;

/**
 * The totals in Prometheus' text format, every line ended, each family once, in the order of {@link METRICS}.
 *
 * @param providers Ids of the providers there are: their counters are shown before anything happened.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function renderExposition(totals: readonly Family[], providers: readonly string[]): string {
  const known = new Map(totals.map(({ name, series }) => [name, series]));
  return Object.entries(METRICS)
    .map(([name, definition]) => renderFamily(name, definition, fillUp(definition, known.get(name) ?? [], providers)))
    .join("");
}

function renderFamily(name: string, definition: MetricDefinition, series: readonly Series[]): string {
  const head = `# HELP ${name} ${escapeHelp(definition.help)}\n# TYPE ${name} ${definition.kind}\n`;
  return head + series.map((one) => renderSeries(name, definition, one)).join("");
}

function renderSeries(name: string, { kind, labels }: MetricDefinition, { values, numbers }: Series): string {
  const pairs = Object.keys(labels).map((label, index) => `${label}="${escapeValue(values[index] ?? "")}"`);
  if (kind === "counter") return renderSample(name, pairs, numbers[0] ?? 0);
  let below = 0;
  const buckets = [...BUCKETS, "+Inf"].map((bound, index) => {
    below += numbers[index] ?? 0;
    return renderSample(`${name}_bucket`, [...pairs, `le="${bound}"`], below);
  });
  const sum = numbers[BUCKETS.length + 1] ?? 0;
  return [...buckets, renderSample(`${name}_sum`, pairs, sum), renderSample(`${name}_count`, pairs, below)].join("");
}

function renderSample(name: string, pairs: readonly string[], value: number): string {
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

/** The series that were seen, with those that may be, in a stable order. */
function fillUp(
  definition: MetricDefinition,
  seen: readonly Series[],
  providers: readonly string[],
): readonly Series[] {
  const bySeen = new Map(seen.map((series) => [series.values.join("\n"), series]));
  for (const values of listExpected(definition, providers)) {
    const key = values.join("\n");
    if (!bySeen.has(key)) bySeen.set(key, { values, numbers: zeros(definition) });
  }
  return [...bySeen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, series]) => series);
}

function listExpected({ labels }: MetricDefinition, providers: readonly string[]): readonly (readonly string[])[] {
  const expected = Object.values(labels).map((rule) => textsOf(rule, providers));
  const combinations = expected.reduce((count, texts) => count * texts.length, 1);
  if (combinations > MOST_ZEROS) return [];
  return expected.reduce<readonly (readonly string[])[]>(
    (rows, texts) => rows.flatMap((row) => texts.map((text) => [...row, text])),
    [[]],
  );
}

/** A route is not expected before somebody calls it. */
function textsOf(rule: LabelRule, providers: readonly string[]): readonly string[] {
  if (rule === "route") return [];
  return rule === "provider" ? providers : rule;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
