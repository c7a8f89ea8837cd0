import type { UpstreamName } from '../../platform/telemetry/telemetry.js';
import { ratePolicyDefaults } from '../../platform/config/rate-limit.parser.js';

/** The definition of a metric. Metrics are declared only in this file. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What it measures, in one or two sentences. */
  readonly help: string;
  /** Every label with all its possible values, so that callers can't create series. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of a histogram's buckets, ascending, without infinity. */
  readonly buckets?: readonly number[];
}

/** Kinds of routes, so that the number of series doesn't follow the number of routes. */
export const routeClasses = [
  'api',
  'application',
  'asset',
  'auth',
  'hydra',
  'kratos',
  'page',
  'probe',
  'session',
  'unmatched',
  'verify',
] as const;

/** Each upstream. */
export const upstreamNames = [
  'kratos',
  'hydra',
  'provider',
  'database',
] as const satisfies readonly UpstreamName[];

const milliseconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Every metric of the gateway itself, by name. Those of the process (`process_…`, `nodejs_…`) are prom-client's. */
export const metricCatalogue = {
  vestibule_logins_total: {
    type: 'counter',
    help: 'Logins of users whom the provider confirmed, by whether they got a session. Wrong passwords end at Kratos and are not counted.',
    labels: { outcome: ['succeeded', 'failed'], provider: ['ory', 'auth0', 'oidc'] },
  },
  vestibule_renewals_total: {
    type: 'counter',
    help: 'Renewals of sessions: confirmed by the provider, granted in the grace period while it is unavailable, refused because the session has ended, or failed.',
    labels: { outcome: ['confirmed', 'grace', 'refused', 'failed'] },
  },
  vestibule_revocations_total: {
    type: 'counter',
    help: 'Revocations by this process: ended sessions and API keys, users and organisations whose tokens were invalidated, and everything before a given time.',
    labels: { kind: ['session', 'user', 'org', 'api_key', 'everything'] },
  },
  vestibule_verifications_total: {
    type: 'counter',
    help: 'Credentials of guarded requests: their kind, whether they were cached, and whether they were accepted.',
    labels: {
      credential: ['cookie', 'bearer', 'api_key'],
      cache: ['hit', 'miss'],
      result: ['ok', 'refused'],
    },
  },
  vestibule_http_requests_total: {
    type: 'counter',
    help: 'Answered requests, by kind of route and class of status.',
    labels: { route: routeClasses, status: ['2xx', '3xx', '4xx', '5xx'] },
  },
  vestibule_http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from the head of a request to the end of its response, by kind of route.',
    labels: { route: routeClasses },
    buckets: [0.0005, ...milliseconds],
  },
  vestibule_upstream_request_duration_seconds: {
    type: 'histogram',
    help: 'Time until an upstream responded, including failures.',
    labels: { upstream: upstreamNames },
    buckets: milliseconds,
  },
  vestibule_upstream_failures_total: {
    type: 'counter',
    help: 'Calls to an upstream that got no response or a 5xx; SQL statements that failed.',
    labels: { upstream: upstreamNames },
  },
  vestibule_circuit_open: {
    type: 'gauge',
    help: '1 while an upstream is not called because it did not respond, otherwise 0.',
    labels: { upstream: upstreamNames },
  },
  vestibule_rate_limited_total: {
    type: 'counter',
    help: 'Requests that were refused by a rate limit.',
    labels: { policy: Object.keys(ratePolicyDefaults) },
  },
  vestibule_session_cookie_bytes: {
    type: 'histogram',
    help: 'Size of session cookies that were set, with name and attributes. Browsers accept 4096 bytes.',
    labels: {},
    buckets: [512, 1024, 1536, 2048, 2560, 3072, 3584, 4096],
  },
  vestibule_signing_key_age_seconds: {
    type: 'gauge',
    help: 'How long the current signing key has been signing.',
    labels: {},
  },
  vestibule_signing_key_rotation_seconds: {
    type: 'gauge',
    help: 'SIGNING_KEY_ROTATION: the age at which the next key takes over.',
    labels: {},
  },
  vestibule_revocations_held: {
    type: 'gauge',
    help: 'Revocations in memory that still have an effect.',
    labels: {},
  },
  vestibule_revocations_staleness_seconds: {
    type: 'gauge',
    help: 'Time since the revocations were last read from SQL.',
    labels: {},
  },
  vestibule_cache_entries: {
    type: 'gauge',
    help: 'Entries of the caches in memory.',
    labels: { cache: ['api_keys', 'tokens'] },
  },
  vestibule_audit_events_waiting: {
    type: 'gauge',
    help: 'Audit events that have not been written to the database yet.',
    labels: {},
  },
} as const satisfies Record<string, MetricDefinition>;

/** Name of a metric. */
export type MetricName = keyof typeof metricCatalogue;

/** One value for each label of a metric. */
export type LabelsOf<N extends MetricName> = {
  readonly [
    L in keyof (typeof metricCatalogue)[N]['labels']
  ]: (typeof metricCatalogue)[N]['labels'][L] extends readonly (infer V)[] ? V : never;
};

/** Kind of a route. */
export type RouteClass = (typeof routeClasses)[number];
