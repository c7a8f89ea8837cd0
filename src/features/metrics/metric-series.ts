import {
  type LabelsOf,
  type MetricDefinition,
  type MetricName,
  metricCatalogue,
} from './metric.catalogue.js';

/** One series of a counter: a plain number, cheap enough to be incremented at every request. */
export class CounterSeries {
  value = 0;

  constructor(readonly labels: Readonly<Record<string, string>>) {}
}

/** One series of a histogram: plain numbers, formatted only on `GET /metrics`. */
export class HistogramSeries {
  /** How many values fell into each bucket, the one beyond the last bound included. Not cumulative. */
  readonly counts: number[];
  sum = 0;

  constructor(
    readonly labels: Readonly<Record<string, string>>,
    readonly bounds: readonly number[],
  ) {
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** Counts a value. */
  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) {
      bucket += 1;
    }
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    this.sum += value;
  }
}

/** All series of one metric. Every combination of label values exists from the start, and none can be added. */
export class SeriesSet<N extends MetricName, S> {
  readonly #series: ReadonlyMap<string, S>;

  constructor(
    readonly name: N,
    make: (labels: Readonly<Record<string, string>>, definition: MetricDefinition) => S,
  ) {
    const definition: MetricDefinition = metricCatalogue[name];
    this.#series = new Map(
      combinations(definition.labels).map((labels) => [keyOf(labels), make(labels, definition)]),
    );
  }

  /** The series with these labels. If it's needed often, keep the result. */
  of(labels: LabelsOf<N>): S {
    const series = this.#series.get(keyOf(labels));
    if (series === undefined) {
      throw new RangeError(`${this.name} has no such labels`);
    }
    return series;
  }

  /** Every series. */
  all(): readonly S[] {
    return [...this.#series.values()];
  }
}

/** Every combination of the labels' values. */
export function combinations(labels: MetricDefinition['labels']): Readonly<Record<string, string>>[] {
  return Object.entries(labels).reduce<Readonly<Record<string, string>>[]>(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  );
}

/** A text that identifies labels, whatever their order. */
function keyOf(labels: object): string {
  return Object.entries<unknown>({ ...labels })
    .map(([name, value]) => `${name}=${String(value)}`)
    .sort()
    .join(',');
}
