/** One line with a value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)$/;
const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ["_bucket", "_sum", "_count"] };

/**
 * Reads Prometheus' text format and refuses what a strict reader refuses, and what `promtool check metrics` complains of:
 * counters without `_total`, families in pieces, histograms that do not add up.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function parseExposition(text: string): ReadonlyMap<string, ParsedFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line is not ended");
  const families = new Map<string, { name: string; type: string; help: string; samples: Sample[] }>();
  let current: string | null = null;

  for (const line of text.slice(0, -1).split("\n")) {
    if (line.startsWith("#")) {
      const [, kind, name = "", rest = ""] = COMMENT.exec(line) ?? refuse("a comment is neither HELP nor TYPE", line);
      const family = families.get(name);
      if (kind === "HELP") {
        if (family !== undefined) refuse("a family has HELP twice, or after its samples", line);
        if (/\\(?![\\n])/.test(rest) || rest === "") refuse("HELP is empty or badly escaped", line);
        families.set(name, { name, type: "", help: rest, samples: [] });
      } else {
        if (family === undefined || family.type !== "" || current !== name) refuse("TYPE twice, or without HELP", line);
        if (!TYPES.includes(rest)) refuse("a type nobody knows", line);
        family.type = rest;
      }
      current = name;
      continue;
    }
    const sample = parseSample(line);
    const family = families.get(current ?? "");
    const allowed = (SUFFIXES[family?.type ?? ""] ?? [""]).map((suffix) => `${current}${suffix}`);
    if (family === undefined || !allowed.includes(sample.name)) return refuse("a sample outside its family", line);
    family.samples.push(sample);
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

/** The value of one sample; undefined when it is not there. */
export function readSample(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = keyOf({ name, labels, value: 0 });
  const samples = [...parseExposition(text).values()].flatMap((family) => family.samples);
  return samples.find((sample) => keyOf(sample) === wanted)?.value;
}

/** The sum of the samples that have those labels, whatever others they have. */
export function sumSamples(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const samples = [...parseExposition(text).values()].flatMap((family) => family.samples);
  const isWanted = (sample: Sample) =>
    sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
  return samples.filter(isWanted).reduce((sum, { value }) => sum + value, 0);
}

/** Labels that hold what none may: part of an id or a UUID, an email, an address, a query, a credential. */
export function findUncleanLabels(text: string): readonly string[] {
  const samples = [...parseExposition(text).values()].flatMap((family) => family.samples);
  const texts = new Set(samples.flatMap(({ labels }) => Object.values(labels)));
  return [...texts].filter((label) => /[0-9a-f]{8}|[@?=%\s]|\d+\.\d+\.\d+|[\w-]{32}/i.test(label));
}

function parseSample(line: string): Sample {
  const [name = ""] = NAME.exec(line) ?? refuse("no name", line);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    while (!rest.startsWith("}")) {
      const [whole, label = "", value = ""] = LABEL.exec(rest) ?? refuse("a label is malformed", line);
      if (Object.hasOwn(labels, label)) refuse("a label is there twice", line);
      labels[label] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
      rest = rest.slice(whole.length);
      if (rest.startsWith(",")) rest = rest.slice(1);
      else if (!rest.startsWith("}")) refuse("labels are not parted", line);
    }
    rest = rest.slice(1);
  }
  const value = rest.slice(1);
  if (!rest.startsWith(" ") || !VALUE.test(value)) refuse("no value", line);
  return { name, labels, value: value.endsWith("Inf") ? Number(value.replace("Inf", "Infinity")) : Number(value) };
}

function checkFamily({ name, type, samples }: ParsedFamily): void {
  if (type === "") refuse("a family without TYPE", name);
  const keys = samples.map(keyOf);
  if (new Set(keys).size !== keys.length) refuse("a series is there twice", name);
  if (samples.some(({ labels }) => Object.keys(labels).some((label) => label.startsWith("__")))) {
    refuse("a label is reserved", name);
  }
  if (type === "counter") {
    if (!name.endsWith("_total")) refuse("a counter is not called a total", name);
    if (samples.some(({ value }) => !(value >= 0) || !Number.isFinite(value))) refuse("a counter is no count", name);
  }
  if (type !== "counter" && name.endsWith("_total")) refuse("only a counter is a total", name);
  if (type === "histogram") checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = keyOf({ name, labels, value: 0 });
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const parts of series.values()) {
    const buckets = parts.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number((labels["le"] ?? "").replace("Inf", "Infinity")));
    const [sum, count] = ["_sum", "_count"].map((suffix) => parts.find((sample) => sample.name === `${name}${suffix}`));
    const isRising = (numbers: readonly number[]) => numbers.every((n, at) => at === 0 || n >= (numbers[at - 1] ?? 0));
    if (bounds.some(Number.isNaN) || new Set(bounds).size !== bounds.length) refuse("bounds are no numbers", name);
    if (!isRising(bounds) || bounds.at(-1) !== Infinity) refuse("bounds do not rise to +Inf", name);
    if (!isRising(buckets.map(({ value }) => value))) refuse("buckets are not cumulative", name);
    if (sum === undefined || count?.value !== buckets.at(-1)?.value) refuse("sum or count does not fit", name);
    if (sum !== undefined && "le" in sum.labels) refuse("a sum has a bound", name);
  }
}

function keyOf({ name, labels }: Sample): string {
  return JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function refuse(why: string, where: string): never {
  throw new Error(`${why}: ${where}`);
}
