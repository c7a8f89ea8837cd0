import { Injectable } from '@nestjs/common';
import { Recorder, type UpstreamName } from '../../platform/telemetry/telemetry.js';
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

type Labels = LabelsOf<'vestibule_verifications_total'>;

/**
 * The metrics of this process. Counting adds to a plain number, which costs nothing worth measuring. Names, labels and text are
 * produced only on `GET /metrics`.
 */
@Injectable()
export class Metrics extends Recorder {
  readonly verifications = counter('vestibule_verifications_total');
  readonly requests = counter('vestibule_http_requests_total');
  readonly requestDurations = histogram('vestibule_http_request_duration_seconds');
  readonly upstreamDurations = histogram('vestibule_upstream_request_duration_seconds');
  readonly upstreamFailures = counter('vestibule_upstream_failures_total');
  readonly cookieBytes = histogram('vestibule_session_cookie_bytes');
  readonly #cookieBytes = this.cookieBytes.of({});
  readonly #verified = {
    cookie: this.#outcomesOf('cookie'),
    bearer: this.#outcomesOf('bearer'),
    api_key: this.#outcomesOf('api_key'),
  };
  readonly #watched: WatchedSeries[] = [];

  override verified(
    credential: Labels['credential'],
    cache: Labels['cache'],
    result: Labels['result'],
  ): void {
    this.#verified[credential][cache][result].value += 1;
  }

  override cookieSet(bytes: number): void {
    this.#cookieBytes.observe(bytes);
  }

  override called(upstream: UpstreamName, duration: number, isFailed: boolean): void {
    this.upstreamDurations.of({ upstream }).observe(duration / 1000);
    if (isFailed) {
      this.upstreamFailures.of({ upstream }).value += 1;
    }
  }

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

  #outcomesOf(credential: Labels['credential']) {
    const of = (cache: Labels['cache']) => ({
      ok: this.verifications.of({ credential, cache, result: 'ok' }),
      refused: this.verifications.of({ credential, cache, result: 'refused' }),
    });
    return { hit: of('hit'), miss: of('miss') };
  }
}
