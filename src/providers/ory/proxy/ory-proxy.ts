import type { IncomingHttpHeaders } from 'node:http';
import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { Abstract } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { CircuitRegistry } from '../../../platform/upstream/circuit-registry.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { UpstreamCookies } from '../../../platform/http/upstream-cookies.js';
import { leavesOrigin, redirectPage } from '../../../platform/http/redirect.page.js';
import { ProblemFilter } from '../../../platform/http/problem.filter.js';
import { pathOf } from '../../../platform/http/request-path.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { SessionQuestions } from '../kratos/session-questions.js';
import { LoginLimits } from '../../../directory/rate-limit/login-limits.js';
import { RateLimits } from '../../../directory/rate-limit/rate-limits.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { RefreshRepeats } from './refresh-repeats.js';
import { OryLimits } from './ory-limits.js';
import { queryOf, requireShortQuery, withoutChallenge } from './query-limit.js';
import { KratosCookies } from './kratos-cookies.js';
import { AddedGates } from './added-gates.js';
import { ProxiedCalls } from './proxied-calls.js';
import { type ExposedRoute, hydraRoutes, isExposed, kratosRoutes } from './ory-routes.js';
import { UpstreamDispatcher } from './upstream-dispatcher.js';
import { ProxyCircuitBreaker } from './proxy-circuit-breaker.js';
import { UpstreamQueue, requireCaller } from './upstream-queue.js';
import { awaitBody } from './whole-body.js';
import { Exchange } from './exchange.js';
import { type Gate, admitThrough, settleThrough } from './gate-list.js';
import { hydraGates } from './hydra-gates.js';
import { kratosGates } from './kratos-gates.js';

/**
 * Lanes of requests, each with its own queue. Reads have the time-out of any call, longer while the upstream answers other calls.
 * Submissions have the library's, because they may need a password hash, which takes seconds under load.
 */
const lanes = [
  { methods: ['GET', 'HEAD', 'OPTIONS'], isRead: true },
  { methods: ['POST'], isRead: false },
] as const;

const hydraPrefix = '/ory/hydra';

/**
 * Headers that no upstream gets as they came: those that only a proxy may set, those of one connection (RFC 9110 section 7.6.1),
 * and what would compress answers that are read here.
 */
const callersHeaders =
  /^(?:x-.*|forwarded|cookie|traceparent|tracestate|baggage|connection|keep-alive|proxy-.*|te|trailer|upgrade|expect|accept-encoding)$/;
/** Headers that Kratos doesn't get either. */
const kratosHeaders = /^authorization$/;

interface Upstream {
  readonly name: 'kratos' | 'hydra';
  readonly prefix: string;
  readonly url: string;
  readonly routes: readonly ExposedRoute[];
  readonly connections: number;
  readonly breaker: CircuitBreaker;
  /** The rules that each request and its answer pass, in this order. */
  readonly gates: readonly Gate[];
}

/**
 * Concurrent requests; more wait in line here. Kratos' password hashes occupy every core, and writers in Hydra's database wait
 * for each other. On 2 cores, 50 concurrent logins took 15 s without these limits, and most of them failed. With these limits,
 * they take 4 s and none fails.
 */
export const connectionsAtOnce = { kratos: 8, hydra: 4 } as const;

/** Exposes Kratos and Hydra on our own origin, under `/ory/kratos` and `/ory/hydra`, by an allow-list. */
export async function setUpOryProxy(
  app: NestFastifyApplication,
  configuration: OryConfiguration,
): Promise<void> {
  const get = <T>(part: Abstract<T>): T => app.get(part, { strict: false });
  const circuits = get(CircuitRegistry);
  const kratos = get(KratosClient);
  const limits = new OryLimits(
    get(RateLimits),
    get(LoginLimits),
    kratos,
    get(SessionQuestions),
    configuration.PUBLIC_URL,
  );
  const upstreams: readonly Upstream[] = [
    {
      name: 'kratos',
      prefix: '/ory/kratos',
      url: configuration.KRATOS_PUBLIC_URL,
      routes: kratosRoutes,
      connections: connectionsAtOnce.kratos,
      breaker: circuits.of('kratos'),
      gates: kratosGates(get, configuration, limits),
    },
    {
      name: 'hydra',
      prefix: hydraPrefix,
      url: configuration.HYDRA_PUBLIC_URL,
      routes: [...hydraRoutes, ...get(AddedGates).routes],
      connections: connectionsAtOnce.hydra,
      breaker: circuits.of('hydra'),
      gates: hydraGates(get, configuration, limits),
    },
  ];
  const filter = app.get(ProblemFilter);
  const clock = get(Clock);
  const cookies = get(UpstreamCookies);
  const repeats = new RefreshRepeats(get(HydraClient), get(DatabaseLocks));
  const calls = new ProxiedCalls(get(UpstreamCalls));
  const kratosCookies = new KratosCookies();
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  for (const upstream of upstreams) {
    const { gates, prefix, routes } = upstream;
    const exchanges = new WeakMap<object, Exchange>();
    await fastify.register(async (scope) => {
      // Bodies are passed on as they are: Nest's parsers would consume them.
      scope.removeAllContentTypeParsers();
      const passage = new ProxyCircuitBreaker(upstream.breaker);
      const queue = new UpstreamQueue(lanes, upstream.connections);
      scope.setErrorHandler((error, request, reply) => {
        filter.answer(passage.failed(request, error), request, reply);
      });
      scope.addHook('preHandler', async (request, reply) => {
        const path = pathOf(request).slice(prefix.length);
        if (!isExposed(routes, request.method, path)) {
          throw new Problem('not_found', { reason: 'not_exposed' });
        }
        requireShortQuery(request.url);
        const exchange = new Exchange(kratos, request, reply, path, clock.now());
        exchanges.set(request, exchange);
        if (!(await admitThrough(gates, exchange))) {
          return;
        }
        await awaitBody(request);
        await queue.enter(request, reply, exchange.isKnown);
        await exchange.beginTurn?.();
        requireCaller(reply);
        passage.enter(request, reply);
        calls.begin(upstream.name, request, reply);
      });
      scope.addHook('onSend', (request, reply, _payload, done) => {
        calls.end(request, reply);
        queue.leave(request);
        passage.answered(request, reply);
        done();
      });
      scope.addHook('onSend', async (request, reply, payload) => {
        const exchange = exchanges.get(request);
        if (exchange === undefined) {
          return payload;
        }
        let sent: unknown;
        try {
          sent = await settleThrough(gates, exchange, payload);
        } catch (error) {
          if (exchange.hasFailed) {
            exchange.endTurn?.();
          }
          // The answer that says so passes the gates as well.
          exchange.hasFailed = true;
          throw error;
        }
        const location = reply.getHeader('location');
        if (
          typeof location !== 'string' ||
          request.method !== 'POST' ||
          !leavesOrigin(location, configuration.PUBLIC_URL)
        ) {
          return sent;
        }
        // A third-party login: the form's own policy would block the redirect to another host.
        void reply.code(200).removeHeader('location').removeHeader('content-length');
        void reply.type('text/html; charset=utf-8');
        return redirectPage(new URL(location).href);
      });
      for (const lane of lanes) {
        const parts = { calls, cookies, kratosCookies, exchanges, repeats };
        const options = proxyOptions(upstream, lane, new URL(configuration.PUBLIC_URL), parts);
        await scope.register(async (inner) => inner.register(httpProxy, options));
      }
    });
  }
}

function proxyOptions(
  { prefix, url, connections, breaker }: Upstream,
  { methods, isRead }: (typeof lanes)[number],
  own: URL,
  {
    calls,
    cookies,
    kratosCookies,
    exchanges,
    repeats,
  }: {
    readonly calls: ProxiedCalls;
    readonly cookies: UpstreamCookies;
    readonly kratosCookies: KratosCookies;
    readonly exchanges: WeakMap<object, Exchange>;
    readonly repeats: RefreshRepeats;
  },
): FastifyHttpProxyOptions {
  return {
    prefix,
    upstream: url,
    httpMethods: [...methods],
    // It takes an app's private scheme (RFC 8252 section 7.1) for a path.
    internalRewriteLocationHeader: false,
    undici: isRead
      ? UpstreamDispatcher.ofReads(connections, breaker)
      : UpstreamDispatcher.ofSubmissions(
          connections,
          prefix === hydraPrefix ? async (request, send) => repeats.send(request, send) : undefined,
        ),
    replyOptions: {
      queryString: (_search, url, request) =>
        prefix === hydraPrefix
          ? (exchanges.get(request)?.query ?? queryOf(url))
          : withoutChallenge(queryOf(url)),
      rewriteRequestHeaders: (request, headers) => ({
        ...headersForUpstream(headers, prefix, cookies),
        host: own.host,
        'x-forwarded-host': own.host,
        'x-forwarded-proto': own.protocol.slice(0, -1),
        'x-forwarded-for': request.ip,
        ...calls.headersOf(request),
        ...changedHeaders(exchanges.get(request)),
      }),
      rewriteHeaders: ({ 'set-cookie': set, location, ...headers }) => ({
        ...headers,
        ...(location === undefined
          ? {}
          : { location: location.startsWith('/') ? `${prefix}${location}` : location }),
        ...(set === undefined
          ? {}
          : {
              'set-cookie': (prefix === hydraPrefix ? [set].flat() : kratosCookies.passing([set].flat())).map(
                (line) => cookies.toBrowser(line),
              ),
            }),
      }),
    },
  };
}

/**
 * The headers for an upstream: no forwarding headers of the caller, none of our own cookies. Programs authenticate at Hydra. At
 * Kratos, a browser has only cookies: any other credential is a session token (`ory_st_…`) that was taken from its table.
 */
function headersForUpstream(
  headers: IncomingHttpHeaders,
  prefix: string,
  cookies: UpstreamCookies,
): IncomingHttpHeaders {
  const kept = Object.entries(headers).filter(
    ([name]) => !callersHeaders.test(name) && (prefix === hydraPrefix || !kratosHeaders.test(name)),
  );
  const cookie = cookies.toUpstream(headers.cookie);
  return { ...Object.fromEntries(kept), ...(cookie === undefined ? {} : { cookie }) };
}

/** Headers that a gate has changed: the length of a body, and what is asked for. */
function changedHeaders(exchange: Exchange | undefined): Readonly<Record<string, string>> {
  return {
    ...(exchange?.length === undefined ? {} : { 'content-length': String(exchange.length) }),
    ...(exchange?.isForFlow === true ? { accept: 'application/json' } : {}),
  };
}
