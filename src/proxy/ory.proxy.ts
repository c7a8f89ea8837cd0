import type { IncomingHttpHeaders } from 'node:http';
import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OryBootstrap } from '../auth/ory.bootstrap.js';
import type { OryConfiguration } from '../config/configuration.js';
import type { CircuitBreaker } from '../core/circuit.breaker.js';
import { CircuitRegistry } from '../core/circuit.registry.js';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import { vendorTimeout } from '../core/vendor.call.js';
import { CookieJar } from '../http/cookie.writer.js';
import { UpstreamCookies } from '../http/upstream.cookies.js';
import { redirectPage } from '../http/redirect.page.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { pathOf } from '../http/request.path.js';
import { ChallengeBinding } from '../hydra/challenge.binding.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { RateLimits } from '../limits/rate.limits.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { AuditService } from '../audit/audit.service.js';
import { UserDirectory } from '../users/user.directory.js';
import { AccountFacts } from '../auth/account-facts.service.js';
import { AddressRights } from '../auth/address.rights.js';
import { RequestAuthenticator } from '../session/request.authenticator.js';
import { AccountTrail } from './account.trail.js';
import { AccountOwnership } from '../auth/account-ownership.service.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { KratosClearance } from '../kratos/kratos.clearance.js';
import { RevocationService } from '../session/revocation.service.js';
import { ClearanceGate } from './clearance.gate.js';
import { FormDrafts } from './form.draft.js';
import { LanguageCatalogue } from '../languages/language.catalogue.js';
import { passwordPolicyOf } from '../passwords/deployment.passwords.js';
import { FlowDestination } from '../auth/flow.destination.js';
import { SignUpPolicy } from '../auth/sign-up.policy.js';
import { allowFormPost } from './form-post.policy.js';
import { FactsGate } from './facts.gate.js';
import { FormRefusals } from './form.refusals.js';
import { LoginReturn } from './login.return.js';
import { PasswordGate } from './password.gate.js';
import { OwnershipGate } from './ownership.gate.js';
import { VerificationBindings } from './verification.binding.js';
import { VerificationGate } from './verification.gate.js';
import { SignUpGate } from './sign-up.gate.js';
import { OryLimits } from './ory.limits.js';
import { requireNoForm, requireShortQuery } from './query.limit.js';
import { ProxiedCalls } from './proxied.calls.js';
import { type ExposedRoute, hydraRoutes, isExposed, kratosRoutes } from './ory.routes.js';
import { verifiedConnector } from './upstream.connector.js';
import { UpstreamPassage } from './upstream.passage.js';
import { UpstreamQueue } from './upstream.queue.js';
import { awaitBody } from './whole.body.js';

/**
 * What a browser reads has the time of any call. What it sends has more of it, in milliseconds, and a line of its own: there is a
 * password hash in it, which under load takes seconds.
 */
const lanes = [
  { methods: ['GET', 'HEAD', 'OPTIONS'], timeout: vendorTimeout },
  { methods: ['POST'], timeout: 10_000 },
] as const;
/** Seconds that a person has to answer a challenge. */
const challengeLifetime = 1800;

const hydraPrefix = '/ory/hydra';

/** Headers that no upstream gets as they came: what only a proxy may say, and what holds for one connection (RFC 9110 section 7.6.1). */
const callersHeaders =
  /^(?:x-.*|forwarded|cookie|traceparent|tracestate|baggage|connection|keep-alive|proxy-.*|te|trailer|upgrade|expect)$/;
/** What Kratos doesn't get besides. */
const kratosHeaders = /^authorization$/;

interface Upstream {
  readonly prefix: string;
  readonly url: string;
  readonly routes: readonly ExposedRoute[];
  readonly connections: number;
  readonly breaker: CircuitBreaker;
  /** Counts a request that is about to be passed on. @param path after the prefix. */
  readonly admit: (request: FastifyRequest, reply: FastifyReply, path: string) => Promise<void>;
}

/**
 * Requests at once; more wait in line here. Kratos' password hashes take every core for as long as there are any, and
 * writers in Hydra's database wait for each other: without these limits 50 logins at once took 15 s on 2 cores and most
 * of them failed, with them they take 4 s and none does.
 */
const connectionsAtOnce = { kratos: 8, hydra: 4 } as const;

/** Puts Kratos and Hydra on our own origin, under `/ory/kratos` and `/ory/hydra`, by allow-list. */
export async function setUpOryProxy(
  app: NestFastifyApplication,
  configuration: OryConfiguration,
): Promise<void> {
  const circuits = app.get(CircuitRegistry, { strict: false });
  const bootstrap = app.get(OryBootstrap, { strict: false });
  const limits = new OryLimits(
    app.get(RateLimits, { strict: false }),
    app.get(KratosClient, { strict: false }),
    configuration.PUBLIC_URL,
  );
  const upstreams: readonly Upstream[] = [
    {
      prefix: '/ory/kratos',
      url: configuration.KRATOS_PUBLIC_URL,
      routes: kratosRoutes,
      connections: connectionsAtOnce.kratos,
      breaker: circuits.of('kratos'),
      admit: (request, reply, path) => limits.admitToKratos(request, reply, path),
    },
    {
      prefix: hydraPrefix,
      url: configuration.HYDRA_PUBLIC_URL,
      routes: hydraRoutes,
      connections: connectionsAtOnce.hydra,
      breaker: circuits.of('hydra'),
      admit: async (request, reply, path) => {
        await bootstrap.requireKeys();
        await limits.admitToHydra(request, reply, path);
      },
    },
  ];
  const filter = app.get(ProblemFilter);
  const binding = app.get(ChallengeBinding, { strict: false });
  const jar = app.get(CookieJar, { strict: false });
  const clock = app.get(Clock, { strict: false });
  const cookies = app.get(UpstreamCookies, { strict: false });
  const drafts = app.get(FormDrafts, { strict: false });
  const kratos = app.get(KratosClient, { strict: false });
  const policy = passwordPolicyOf(configuration);
  const refusals = new FormRefusals({
    kratos,
    drafts,
    languages: app.get(LanguageCatalogue, { strict: false }),
    publicUrl: configuration.PUBLIC_URL,
    minimumLength: policy.minimumLength,
  });
  const signUp = new SignUpGate({
    policy: app.get(SignUpPolicy, { strict: false }),
    destinations: app.get(FlowDestination, { strict: false }),
    refusals,
  });
  const passwords = new PasswordGate(policy, refusals);
  const trail = new AccountTrail({
    kratos,
    audit: app.get(AuditService, { strict: false }),
    users: app.get(UserDirectory, { strict: false }),
    origin: configuration.PUBLIC_URL,
  });
  const ownership = ownershipGateOf(app);
  const clearances = new ClearanceGate({
    kratos,
    ownership: app.get(AccountOwnership, { strict: false }),
    clock,
  });
  const facts = new FactsGate({
    kratos,
    facts: app.get(AccountFacts, { strict: false }),
    authenticator: app.get(RequestAuthenticator, { strict: false }),
  });
  const loginReturn = new LoginReturn(configuration.PUBLIC_URL);
  const calls = new ProxiedCalls(app.get(UpstreamCalls, { strict: false }));
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  for (const upstream of upstreams) {
    const isKratos = upstream.prefix !== hydraPrefix;
    const pathIn = (request: FastifyRequest): string => pathOf(request).slice(upstream.prefix.length);
    await fastify.register(async (scope) => {
      // Bodies go through as they are: Nest's parsers would read them.
      scope.removeAllContentTypeParsers();
      const passage = new UpstreamPassage(upstream.breaker);
      const queue = new UpstreamQueue(lanes, upstream.connections);
      scope.setErrorHandler((error, request, reply) => {
        filter.answer(passage.failed(request, error), request, reply);
      });
      scope.addHook('preHandler', async (request, reply) => {
        const path = pathIn(request);
        if (!isExposed(upstream.routes, request.method, path)) {
          throw new Problem('not_found', { reason: 'not_exposed' });
        }
        requireShortQuery(request.url);
        if (isKratos) {
          requireNoForm(request.method, request.url, path);
        }
        await upstream.admit(request, reply, path);
        await drafts.watch(request, pathOf(request));
        const isRefused =
          isKratos &&
          ((await signUp.refuses(request, reply, path)) || (await passwords.refuses(request, reply, path)));
        if (isRefused) {
          return;
        }
        if (isKratos) {
          await clearances.admit(request, path);
          await ownership.admit(request, path);
          await trail.watch(request, path);
        }
        await awaitBody(request);
        await queue.enter(request, reply);
        passage.enter(request, reply);
        calls.begin(isKratos ? 'kratos' : 'hydra', request);
      });
      scope.addHook('onSend', (request, reply, _payload, done) => {
        calls.end(request, reply);
        queue.leave(request);
        done();
      });
      scope.addHook('onSend', async (request, reply, payload) => {
        drafts.settle(request, reply);
        if (!isKratos) {
          allowFormPost(request, reply);
        }
        await clearances.settle(request, reply);
        await ownership.settle(request, reply);
        const change = await trail.settle(request, reply);
        if (isKratos) {
          await facts.settle(request, reply, { path: pathIn(request), endsOthers: change === 'password' });
          await loginReturn.settle(request, reply, pathIn(request));
        }
        const location = reply.getHeader('location');
        if (typeof location !== 'string') {
          return payload;
        }
        // Only Hydra hands challenges out. Kratos redirects to any `return_to` on this origin, so whoever holds a
        // stolen challenge could have it bound to their own browser by way of Kratos.
        const bound = isKratos ? undefined : binding.bind(location, request.headers.cookie, clock.now());
        if (bound !== undefined) {
          jar.set(reply, bound.name, bound.value, challengeLifetime);
          for (const name of bound.surplus) {
            jar.clear(reply, name);
          }
        }
        drafts.keep(request, reply, location);
        if (request.method !== 'POST' || !leavesOrigin(location, configuration.PUBLIC_URL)) {
          return payload;
        }
        // A third-party login: the form's own policy would stop the redirect to another host.
        void reply.code(200).removeHeader('location').removeHeader('content-length');
        void reply.type('text/html; charset=utf-8');
        return redirectPage(new URL(location).href);
      });
      for (const lane of lanes) {
        const options = proxyOptions(upstream, lane, new URL(configuration.PUBLIC_URL), { calls, cookies });
        await scope.register(async (inner) => inner.register(httpProxy, options));
      }
    });
  }
}

function ownershipGateOf(app: NestFastifyApplication): OwnershipGate {
  const kratos = app.get(KratosClient, { strict: false });
  return new OwnershipGate({
    kratos,
    clearance: app.get(KratosClearance, { strict: false }),
    hydra: app.get(HydraClient, { strict: false }),
    ownership: app.get(AccountOwnership, { strict: false }),
    revocations: app.get(RevocationService, { strict: false }),
    rights: app.get(AddressRights, { strict: false }),
    verification: new VerificationGate(kratos, app.get(VerificationBindings, { strict: false })),
  });
}

function proxyOptions(
  { prefix, url, connections }: Upstream,
  { methods, timeout }: (typeof lanes)[number],
  own: URL,
  { calls, cookies }: { readonly calls: ProxiedCalls; readonly cookies: UpstreamCookies },
): FastifyHttpProxyOptions {
  return {
    prefix,
    upstream: url,
    httpMethods: [...methods],
    undici: { headersTimeout: timeout, bodyTimeout: timeout, connections, connect: verifiedConnector() },
    replyOptions: {
      rewriteRequestHeaders: (request, headers) => ({
        ...headersForUpstream(headers, prefix, cookies),
        host: own.host,
        'x-forwarded-host': own.host,
        'x-forwarded-proto': own.protocol.slice(0, -1),
        'x-forwarded-for': request.ip,
        ...calls.headersOf(request),
      }),
      rewriteHeaders: ({ 'set-cookie': set, ...headers }) =>
        set === undefined
          ? headers
          : { ...headers, 'set-cookie': [set].flat().map((line) => cookies.toBrowser(line)) },
    },
  };
}

/**
 * Only what a browser means for Ory: no forwarding header that a caller made up, no cookie of ours. Programs authenticate at Hydra; for
 * Kratos a browser has cookies alone, and any other credential is a session token (`ory_st_…`) that was taken from its table.
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

function leavesOrigin(location: string, origin: string): boolean {
  return (
    URL.canParse(location) &&
    /^https?:$/.test(new URL(location).protocol) &&
    new URL(location).origin !== origin
  );
}
