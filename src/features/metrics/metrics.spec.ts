import { describe, expect, it } from 'vitest';
import { HttpMetrics, routeClassOf } from './http-metrics.js';
import { type MetricDefinition, metricCatalogue } from './metric.catalogue.js';
import { HistogramSeries } from './metric-series.js';
import { Metrics } from './metrics.js';

describe('a histogram', () => {
  it('counts a value in the first bucket whose bound is not below it', () => {
    const histogram = new HistogramSeries({}, [1, 5]);
    for (const value of [0, 1, 1.01, 5, 5.01, 1000]) {
      histogram.observe(value);
    }
    expect(histogram.counts).toEqual([2, 2, 2]);
    expect(histogram.sum).toBeCloseTo(1012.02);
  });
});

describe('kinds of routes', () => {
  it.each([
    ['/', 'page'],
    ['/auth/verify', 'verify'],
    ['/auth/verify/*', 'verify'],
    ['/auth/session', 'session'],
    ['/auth/callback', 'auth'],
    ['/.well-known/jwks.json', 'auth'],
    ['/api/v1/me', 'api'],
    ['/ory/kratos/*', 'kratos'],
    ['/ory/hydra/*', 'hydra'],
    ['/assets/:file', 'asset'],
    ['/health/live', 'probe'],
    ['/ui/:kind', 'page'],
    ['/notes/:id', 'application'],
    [undefined, 'unmatched'],
  ])('%s is %s', (pattern, route) => expect(routeClassOf(pattern)).toBe(route));
});

describe('counting', () => {
  it('answers go to their kind of route and class of status; a status that is none counts as a duration alone', () => {
    const metrics = new Metrics();
    const http = new HttpMetrics(metrics);
    http.observe('/api/v1/me', 200, 2);
    http.observe('/api/v1/orgs', 204, 3);
    http.observe(undefined, 404, 1);
    http.observe('/api/v1/me', 999, 1);
    expect(metrics.requests.of({ route: 'api', status: '2xx' }).value).toBe(2);
    expect(metrics.requests.of({ route: 'unmatched', status: '4xx' }).value).toBe(1);
    expect(metrics.requests.all().reduce((sum, { value }) => sum + value, 0)).toBe(3);
    expect(metrics.requestDurations.of({ route: 'api' }).sum).toBeCloseTo(0.006);
  });

  it('verifications go to the credential, the cache and the result, each to one series', () => {
    const metrics = new Metrics();
    const all = metrics.verifications.all();
    expect(all).toHaveLength(12);
    for (const credential of ['cookie', 'bearer', 'api_key'] as const) {
      for (const cache of ['hit', 'miss'] as const) {
        for (const result of ['ok', 'refused'] as const) {
          metrics.verified(credential, cache, result);
          expect(metrics.verifications.of({ result, credential, cache }).value).toBe(1);
        }
      }
    }
    expect(all.map(({ value }) => value)).toEqual(all.map(() => 1));
  });
});

describe('the catalogue', () => {
  const definitions: readonly (readonly [string, MetricDefinition])[] = Object.entries(metricCatalogue);

  it.each(definitions)(
    '%s has at most 200 series and buckets that ascend',
    (_name, { type, labels, buckets }) => {
      const series = Object.values(labels).reduce((product, values) => product * values.length, 1);
      expect(series * ((buckets?.length ?? 0) + 1)).toBeLessThanOrEqual(200);
      expect(type === 'histogram').toBe(buckets !== undefined);
      expect([...(buckets ?? [])].sort((one, other) => one - other)).toEqual(buckets ?? []);
    },
  );
});
