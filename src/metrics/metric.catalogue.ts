import { ratePolicyDefaults } from '../config/rate-limit.parser.js';

/** What is measured, and how: the only place where a metric is declared. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What it tells, in one or two sentences. */
  readonly help: string;
  /** Every label with every value that it can have: what a caller sends can make no series. */
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

/** What the gateway calls: Kratos, Hydra, another OpenID provider, SQL. */
export const upstreamNames = ['kratos', 'hydra', 'provider', 'database'] as const;

const milliseconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Every metric of the gateway's own, by name. Those of the process (`process_…`, `nodejs_…`) are prom-client's. */
export const metricCatalogue = {
  vestibule_logins_total: {
    type: 'counter',
    help: 'Logins at step 10: a person whom the provider confirmed got a session, or did not. Wrong passwords end at Kratos and are not among them.',
    labels: { outcome: ['succeeded', 'failed'], provider: ['ory', 'auth0', 'oidc'] },
  },
  vestibule_renewals_total: {
    type: 'counter',
    help: 'Renewals of sessions: confirmed by the provider, by the grace while it is away, refused because the session is over, or failed.',
    labels: { outcome: ['confirmed', 'grace', 'refused', 'failed'] },
  },
  vestibule_revocations_total: {
    type: 'counter',
    help: 'What was taken away by this process: ended sessions and API keys; users and organisations whose tokens were made stale; everything before a moment.',
    labels: { kind: ['session', 'user', 'org', 'api_key', 'everything'] },
  },
  vestibule_verifications_total: {
    type: 'counter',
    help: 'Credentials that guarded requests came with: what they were, whether memory knew them already, and what became of them.',
    labels: {
      credential: ['cookie', 'bearer', 'api_key'],
      cache: ['hit', 'miss'],
      result: ['ok', 'refused'],
    },
  },
  vestibule_http_requests_total: {
    type: 'counter',
    help: 'Answered requests by kind of route and class of status.',
    labels: { route: routeClasses, status: ['2xx', '3xx', '4xx', '5xx'] },
  },
  vestibule_http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from the head of a request to the end of its answer, by kind of route.',
    labels: { route: routeClasses },
    buckets: [0.0005, ...milliseconds],
  },
  vestibule_upstream_request_duration_seconds: {
    type: 'histogram',
    help: 'Time that an answer of an upstream took, failures included.',
    labels: { upstream: upstreamNames },
    buckets: milliseconds,
  },
  vestibule_upstream_failures_total: {
    type: 'counter',
    help: 'Calls to an upstream that got no answer, or a 5xx; statements that failed.',
    labels: { upstream: upstreamNames },
  },
  vestibule_circuit_open: {
    type: 'gauge',
    help: '1 while an upstream is not asked because it did not answer, else 0.',
    labels: { upstream: upstreamNames },
  },
  vestibule_rate_limited_total: {
    type: 'counter',
    help: 'Requests that were refused by a limit.',
    labels: { policy: Object.keys(ratePolicyDefaults) },
  },
  vestibule_session_cookie_bytes: {
    type: 'histogram',
    help: 'Size of session cookies that were set, with name and attributes. Browsers keep 4096 bytes.',
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
    help: 'Revocations in memory that can still matter.',
    labels: {},
  },
  vestibule_revocations_staleness_seconds: {
    type: 'gauge',
    help: 'Time since the revocations were last read from SQL.',
    labels: {},
  },
  vestibule_cache_entries: {
    type: 'gauge',
    help: 'Entries of what is kept in memory.',
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

/** What the gateway calls. */
export type UpstreamName = (typeof upstreamNames)[number];
