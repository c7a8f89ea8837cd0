import type { RouteClass } from './metric.catalogue.js';
import type { CounterSeries, HistogramSeries } from './metric-series.js';
import type { Metrics } from './metrics.js';

interface RouteSeries {
  /** Counters by the first digit of the status. */
  readonly requests: readonly (CounterSeries | undefined)[];
  readonly duration: HistogramSeries;
}

/** Classes of routes, and the prefixes of their patterns; the first match applies. */
const classes: readonly (readonly [is: RouteClass, prefixes: readonly string[]])[] = [
  ['verify', ['/auth/verify']],
  ['session', ['/auth/session']],
  ['auth', ['/auth/', '/.well-known/']],
  ['api', ['/api/']],
  ['kratos', ['/ory/kratos']],
  ['hydra', ['/ory/hydra']],
  ['asset', ['/assets/', '/favicon.ico']],
  ['page', ['/docs', '/ui/', '/account', '/admin', '/orgs', '/invitation', '/demo']],
  ['probe', ['/health/', '/metrics']],
];

/** The class of a route's pattern; undefined stands for a request that matched no route. */
export function routeClassOf(pattern: string | undefined): RouteClass {
  if (pattern === undefined || pattern === '') {
    return 'unmatched';
  }
  const found = classes.find(([, prefixes]) => prefixes.some((prefix) => pattern.startsWith(prefix)));
  return pattern === '/' ? 'page' : (found?.[0] ?? 'application');
}

/** Counts answered requests by class of route, never by the requested URL. */
export class HttpMetrics {
  /** One entry per route. */
  readonly #byPattern = new Map<string | undefined, RouteSeries>();

  constructor(private readonly metrics: Metrics) {}

  /** Counts an answer. @param pattern of the route, with `:parameters`; undefined if none. @param elapsed in ms. */
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
      this.metrics.requests.of({ route, status }),
    );
    const series = {
      requests: [undefined, undefined, ...requests],
      duration: this.metrics.requestDurations.of({ route }),
    };
    this.#byPattern.set(pattern, series);
    return series;
  }
}
