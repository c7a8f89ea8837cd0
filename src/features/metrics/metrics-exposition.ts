import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { type MetricDefinition, metricCatalogue } from './metric.catalogue.js';
import type { CounterSeries, HistogramSeries } from './metric-series.js';
import { Metrics } from './metrics.js';

/** Gauges of prom-client named like counters; `nodejs_active_resources` reports the same under a better name. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A histogram whose numbers are kept outside prom-client. */
class KeptHistogram extends Histogram {
  readonly #help: string;

  constructor(
    private readonly name: string,
    { help, labels }: MetricDefinition,
    private readonly series: readonly HistogramSeries[],
  ) {
    super({ name, help, labelNames: Object.keys(labels), registers: [] });
    this.#help = help;
  }

  /** Called by the registry when it renders. It is missing from prom-client's types. */
  async getForPromString(): Promise<object> {
    const values = this.series.flatMap((series) => this.#valuesOf(series));
    return { name: this.name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }

  #valuesOf({ labels, bounds, counts, sum }: HistogramSeries): readonly object[] {
    let count = 0;
    const buckets = counts.map((inBucket, index) => {
      count += inBucket;
      return {
        metricName: `${this.name}_bucket`,
        labels: { ...labels, le: bounds[index] === undefined ? '+Inf' : String(bounds[index]) },
        value: count,
      };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}

/** Renders every metric of the catalogue, and those of the process, with prom-client. */
@Injectable()
export class MetricsExposition {
  readonly #registry = new Registry();

  constructor(private readonly metrics: Metrics) {
    const counters = new Map<string, readonly CounterSeries[]>();
    const histograms = new Map<string, readonly HistogramSeries[]>();
    for (const set of [metrics.verifications, metrics.requests, metrics.upstreamFailures]) {
      counters.set(set.name, set.all());
    }
    for (const set of [metrics.requestDurations, metrics.upstreamDurations, metrics.cookieBytes]) {
      histograms.set(set.name, set.all());
    }
    const definitions: readonly (readonly [string, MetricDefinition])[] = Object.entries(metricCatalogue);
    for (const [name, definition] of definitions) {
      if (definition.type === 'histogram') {
        this.#registry.registerMetric(new KeptHistogram(name, definition, histograms.get(name) ?? []));
      } else {
        const read = (): readonly Reading[] => counters.get(name) ?? this.#watched(name);
        this.#registry.registerMetric(readMetric(name, definition, read));
      }
    }
    collectDefaultMetrics({ register: this.#registry });
    for (const name of misnamed) {
      this.#registry.removeSingleMetric(name);
    }
  }

  /** Media type of the text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Every metric, in Prometheus' text format. */
  async render(): Promise<string> {
    return this.#registry.metrics();
  }

  #watched(name: string): readonly Reading[] {
    return this.metrics
      .watched()
      .filter((watched) => watched.name === name)
      .map(({ labels, read }) => ({ labels, value: read() }));
  }
}

/** A counter or gauge whose numbers are read at each scrape. */
function readMetric(
  name: string,
  { type, help, labels }: MetricDefinition,
  read: () => readonly Reading[],
): Counter | Gauge {
  const common = { name, help, labelNames: Object.keys(labels), registers: [] };
  if (type === 'counter') {
    return new Counter({
      ...common,
      collect() {
        this.reset();
        for (const reading of read()) {
          this.inc(reading.labels, reading.value);
        }
      },
    });
  }
  return new Gauge({
    ...common,
    collect() {
      for (const reading of read()) {
        this.set(reading.labels, reading.value);
      }
    },
  });
}
