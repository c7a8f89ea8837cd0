import { Injectable } from '@nestjs/common';
import type { RouteClass } from './metric.catalogue.js';
import type { CounterSeries, HistogramSeries } from './metric.series.js';
import { Metrics } from './metrics.js';

interface RouteSeries {
  /** By the first digit of the status. */
  readonly requests: readonly (CounterSeries | undefined)[];
  readonly duration: HistogramSeries;
}

/** Patterns by what they begin with; the first one that fits says the class. */
const classes: readonly (readonly [prefix: string, is: RouteClass])[] = [
  ['/auth/verify', 'verify'],
  ['/auth/session', 'session'],
  ['/auth/', 'auth'],
  ['/.well-known/', 'auth'],
  ['/api/', 'api'],
  ['/ory/kratos', 'kratos'],
  ['/ory/hydra', 'hydra'],
  ['/assets/', 'asset'],
  ['/favicon.ico', 'asset'],
  ['/docs', 'page'],
  ['/ui/', 'page'],
  ['/account', 'page'],
  ['/admin', 'page'],
  ['/orgs', 'page'],
  ['/invitation', 'page'],
  ['/demo', 'page'],
  ['/health/', 'probe'],
  ['/metrics', 'probe'],
];

/** The class of a route's pattern; undefined stands for a request that met no route. */
export function routeClassOf(pattern: string | undefined): RouteClass {
  if (pattern === undefined || pattern === '') {
    return 'unmatched';
  }
  return pattern === '/'
    ? 'page'
    : (classes.find(([prefix]) => pattern.startsWith(prefix))?.[1] ?? 'application');
}

/** Counts answered requests by class of route, never by what a caller asked for. */
@Injectable()
export class HttpMetrics {
  readonly #metrics: Metrics;
  /** As many as there are routes. */
  readonly #byPattern = new Map<string | undefined, RouteSeries>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /**
   * Counts an answer.
   * @param pattern of the route that took the request, with `:parameters`; undefined when none did.
   * @param elapsed milliseconds.
   */
  observe(pattern: string | undefined, status: number, elapsed: number): void {
    const series = this.#byPattern.get(pattern) ?? this.#learn(pattern);
    const requests = series.requests[(status / 100) | 0];
    if (requests !== undefined) {
      requests.value += 1;
    }
    series.duration.observe(elapsed / 1000);
  }

  #learn(pattern: string | undefined): RouteSeries {
    const route = routeClassOf(pattern);
    const requests = (['2xx', '3xx', '4xx', '5xx'] as const).map((status) =>
      this.#metrics.requests.of({ route, status }),
    );
    const series = {
      requests: [undefined, undefined, ...requests],
      duration: this.#metrics.requestDurations.of({ route }),
    };
    this.#byPattern.set(pattern, series);
    return series;
  }
}
