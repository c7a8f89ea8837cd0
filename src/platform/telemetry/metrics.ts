import { Injectable } from '@nestjs/common';
import type { LabelsOf, MetricName } from './metric.catalogue.js';
import { CounterSeries, HistogramSeries, SeriesSet } from './metric-series.js';

const counter = <N extends MetricName>(name: N): SeriesSet<N, CounterSeries> =>
  new SeriesSet(name, (labels) => new CounterSeries(labels));
const histogram = <N extends MetricName>(name: N): SeriesSet<N, HistogramSeries> =>
  new SeriesSet(name, (labels, { buckets = [] }) => new HistogramSeries(labels, buckets));

/** A number that is kept elsewhere and read on `GET /metrics`. */
export interface WatchedSeries {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly read: () => number;
}

/**
 * The metrics of this process. Counting adds to a plain number, which costs nothing worth measuring. Names, labels and text are
 * produced only on `GET /metrics`.
 */
@Injectable()
export class Metrics {
  readonly verifications = counter('vestibule_verifications_total');
  readonly requests = counter('vestibule_http_requests_total');
  readonly requestDurations = histogram('vestibule_http_request_duration_seconds');
  readonly upstreamDurations = histogram('vestibule_upstream_request_duration_seconds');
  readonly upstreamFailures = counter('vestibule_upstream_failures_total');
  readonly cookieBytes = histogram('vestibule_session_cookie_bytes');
  readonly #watched: WatchedSeries[] = [];

  /** Adds a number that is kept elsewhere, such as a size, an age or a count. */
  watch<N extends MetricName>(name: N, labels: LabelsOf<N>, read: () => number): void {
    const texts = Object.entries<unknown>({ ...labels }).map(
      ([label, value]) => [label, String(value)] as const,
    );
    this.#watched.push({ name, labels: Object.fromEntries(texts), read });
  }

  /** The numbers that were added with {@link watch}. */
  watched(): readonly WatchedSeries[] {
    return this.#watched;
  }
}
