import { findMetric, type MetricName } from "../../domain/metric.ts";
import { addNumbers, type Family, isSeriesOf, type MetricBatch, shapeOf } from "../../domain/metric-series.ts";

/** How far a sender was heard, and when last (ms since 1970). */
export interface HeardSender {
  readonly sender: string;
  readonly seq: number;
  readonly atMs: number;
}

/** What the object keeps on its own disk. Every method is one step that cannot be half done. */
export interface MetricLedger {
  /** Keeps a batch as it came. */
  append(batch: MetricBatch, atMs: number): void;
  /** The batches since the last fold, in the order they came. */
  batches(): readonly { readonly batch: MetricBatch; readonly atMs: number }[];
  families(): readonly Family[];
  senders(): readonly HeardSender[];
  /** Keeps these families and senders in place of those it had, and drops the batches. */
  fold(families: readonly Family[], senders: readonly HeardSender[]): void;
}

/** The totals of every isolate. */
export interface Totals {
  /** Adds the batch, durably, unless it was added before. */
  add(batch: MetricBatch): void;
  read(): readonly Family[];
}

type Shelf = Map<string, Map<string, { readonly values: readonly string[]; readonly numbers: number[] }>>;

/** A batch is one row written and one deleted; rewriting the families for each would be twenty. */
const FOLD_AFTER = 100;
/** Routes by method and status are the most there are, about four hundred. */
const MAX_SERIES = 1000;
/** A batch is tried again for seconds; a sender silent for an hour, or with so many heard since, is gone. */
const SENDER_LIFE_MS = 3_600_000;
const MAX_SENDERS = 10_000;
const REFUSED: MetricName = "aurora_metric_series_refused_total";

/**
 * Totals that only grow: kept in memory, with every batch on disk before it counts and folded into the families on disk
 * after {@link FOLD_AFTER} of them. Series of another shape than this version's, as a version before it may have kept
 * or still sends, are dropped.
 *
 * @param nowMs Milliseconds since 1970.
 */
export function openTotals(ledger: MetricLedger, nowMs: () => number): Totals {
  const shelf: Shelf = new Map();
  let senders = new Map(ledger.senders().map((heard) => [heard.sender, heard]));
  let unfolded = 0;

  function count({ sender, seq, families }: MetricBatch, atMs: number): void {
    // Heard last goes last: the first are the first to be forgotten.
    senders.delete(sender);
    senders.set(sender, { sender, seq, atMs });
    const refused = families.reduce((sum, family) => sum + addFamily(shelf, family), 0);
    if (refused > 0) addSeries(shelf, REFUSED, { values: [], numbers: [refused] });
    unfolded += 1;
  }

  function fold(): void {
    const heard = [...senders.values()].filter(({ atMs }) => atMs > nowMs() - SENDER_LIFE_MS).slice(-MAX_SENDERS);
    ledger.fold(readFamilies(shelf), heard);
    senders = new Map(heard.map((one) => [one.sender, one]));
    unfolded = 0;
  }

  for (const family of ledger.families()) addFamily(shelf, family);
  for (const { batch, atMs } of ledger.batches()) count(batch, atMs);

  return {
    add: (batch) => {
      if ((senders.get(batch.sender)?.seq ?? 0) >= batch.seq) return;
      ledger.append(batch, nowMs());
      count(batch, nowMs());
      if (unfolded >= FOLD_AFTER) fold();
    },
    read: () => readFamilies(shelf),
  };
}

/** Answers how many series were refused. */
function addFamily(shelf: Shelf, { name, shape, series }: Family): number {
  const definition = findMetric(name);
  if (definition === null || shape !== shapeOf(definition)) return series.length;
  return series.filter((one) => !isSeriesOf(definition, one) || !addSeries(shelf, name, one)).length;
}

/** False when there is no room for another series. */
function addSeries(shelf: Shelf, name: string, { values, numbers }: Family["series"][number]): boolean {
  const family = shelf.get(name) ?? new Map();
  shelf.set(name, family);
  const key = values.join("\n");
  const known = family.get(key);
  if (known === undefined && family.size >= MAX_SERIES) return false;
  if (known === undefined) family.set(key, { values, numbers: [...numbers] });
  else addNumbers(known.numbers, numbers);
  return true;
}

function readFamilies(shelf: Shelf): readonly Family[] {
  return Array.from(shelf, ([name, series]) => {
    const definition = findMetric(name);
    return { name, shape: definition === null ? "" : shapeOf(definition), series: [...series.values()] };
  });
}
