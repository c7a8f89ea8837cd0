import { Injectable } from '@nestjs/common';
import type { LabelsOf, MetricName } from './metric.catalogue.js';
import { CounterSeries, HistogramSeries, SeriesSet } from './metric.series.js';

const counter = <N extends MetricName>(name: N): SeriesSet<N, CounterSeries> =>
  new SeriesSet(name, (labels) => new CounterSeries(labels));
const histogram = <N extends MetricName>(name: N): SeriesSet<N, HistogramSeries> =>
  new SeriesSet(name, (labels, { buckets = [] }) => new HistogramSeries(labels, buckets));

/** A number that somebody else keeps, read when metrics are asked for. */
export interface WatchedSeries {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly read: () => number;
}

/**
 * What this process counts. Counting is an addition to a plain number, so that it costs nothing worth measuring; names, labels
 * and text come in when somebody asks (`GET /metrics`).
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

  /** Has a number read that is kept elsewhere: a size, an age, a count. */
  watch<N extends MetricName>(name: N, labels: LabelsOf<N>, read: () => number): void {
    const texts = Object.entries<unknown>({ ...labels }).map(
      ([label, value]) => [label, String(value)] as const,
    );
    this.#watched.push({ name, labels: Object.fromEntries(texts), read });
  }

  /** What {@link watch} was told. */
  watched(): readonly WatchedSeries[] {
    return this.#watched;
  }
}
