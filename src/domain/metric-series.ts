import { BUCKETS, type LabelRule, METRICS, type MetricDefinition, type MetricName } from "./metric.ts";

/** One series. `values` are its labels' texts in the order of the definition. */
export interface Series {
  readonly values: readonly string[];
  /** A counter: its total. A histogram: how many fell into each bucket, `+Inf` last, then the sum in seconds. */
  readonly numbers: readonly number[];
}

/** Series of one metric. `shape` names the labels and buckets they were counted by. */
export interface Family {
  readonly name: string;
  readonly shape: string;
  readonly series: readonly Series[];
}

/** What one isolate has counted since its last batch. A batch sent twice counts once: its sender numbers them. */
export interface MetricBatch {
  readonly sender: string;
  readonly seq: number;
  readonly families: readonly Family[];
}

/** A pattern of a route; eight hex digits in a row would be an id, which no pattern holds. */
const ROUTE = /^(?!.*[0-9a-f]{8})[\w\-./:{}*+]{1,120}$/;
/** Too short for any of our ids. */
const PROVIDER = /^[a-z][a-z0-9_]{1,30}$/;

const LABELS = new Map(Object.entries(METRICS).map(([name, { labels }]) => [name, Object.keys(labels)]));

/** The labels of that metric, in the order in which a series has their texts. */
export function labelsOf(name: MetricName): readonly string[] {
  return LABELS.get(name) ?? [];
}

/** Changes when the meaning of a metric's numbers does, so that old and new ones are never added up. */
export function shapeOf({ kind, labels }: MetricDefinition): string {
  return [kind, ...Object.keys(labels), ...(kind === "histogram" ? BUCKETS : [])].join(" ");
}

/** How many numbers a series of that metric has. */
export function sizeOf({ kind }: MetricDefinition): number {
  return kind === "counter" ? 1 : BUCKETS.length + 2;
}

/** A series that has counted nothing. */
export function zeros(definition: MetricDefinition): number[] {
  return Array<number>(sizeOf(definition)).fill(0);
}

/** Adds in place, number by number. */
export function addNumbers(to: number[], more: readonly number[]): void {
  for (const [index, number] of more.entries()) to[index] = (to[index] ?? 0) + number;
}

/** Adds one observation to the numbers of a histogram, in place. */
export function addObservation(to: number[], seconds: number): void {
  const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
  const index = bucket === -1 ? BUCKETS.length : bucket;
  to[index] = (to[index] ?? 0) + 1;
  to[BUCKETS.length + 1] = (to[BUCKETS.length + 1] ?? 0) + seconds;
}

/** True when it is a series of that metric as this version counts it: nothing else may be added to the totals. */
export function isSeriesOf(definition: MetricDefinition, { values, numbers }: Series): boolean {
  const rules = Object.values(definition.labels);
  return (
    values.length === rules.length &&
    rules.every((rule, index) => fits(rule, values[index] ?? "")) &&
    numbers.length === sizeOf(definition) &&
    numbers.every((number) => Number.isFinite(number) && number >= 0)
  );
}

function fits(rule: LabelRule, text: string): boolean {
  if (rule === "route") return ROUTE.test(text);
  if (rule === "provider") return PROVIDER.test(text);
  return rule.includes(text);
}

/** Collects series into families, one for each name. */
export function toFamilies(counted: Iterable<Series & { readonly name: MetricName }>): readonly Family[] {
  const families = new Map<MetricName, Series[]>();
  for (const { name, values, numbers } of counted) {
    const series = families.get(name) ?? [];
    series.push({ values, numbers });
    families.set(name, series);
  }
  return Array.from(families, ([name, series]) => ({ name, shape: shapeOf(METRICS[name]), series }));
}
