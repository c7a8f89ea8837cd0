import type { IncomingHttpHeaders } from 'node:http';
import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { Abstract } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OryBootstrap } from '../ory.bootstrap.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { CircuitBreaker } from '../../../platform/upstream/circuit.breaker.js';
import { CircuitRegistry } from '../../../platform/upstream/circuit.registry.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { CookieWriter } from '../../../platform/http/cookie.writer.js';
import { UpstreamCookies } from '../../../platform/http/upstream.cookies.js';
import { redirectPage } from '../../../platform/http/redirect.page.js';
import { ProblemFilter } from '../../../platform/http/problem.filter.js';
import { pathOf } from '../../../platform/http/request.path.js';
import { ApplicationSecretRepository } from '../hydra/application-secret.repository.js';
import { ChallengeBinding } from '../hydra/challenge.binding.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { IdentitySource } from '../sources/identity.source.js';
import { RateLimits } from '../../../directory/rate-limit/rate.limits.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream.calls.js';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { UserDirectory } from '../../../directory/users/user.directory.js';
import { AccountFacts } from '../../../accounts/account-facts.service.js';
import { AddressRights } from '../../../accounts/address.rights.js';
import { RequestAuthenticator } from '../../../session/guards/request.authenticator.js';
import { AccountTrail } from './account.trail.js';
import { AccountOwnership } from '../../../accounts/account-ownership.service.js';
import { ApplicationUses } from '../hydra/application.uses.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { HydraDiscovery } from '../hydra/hydra.discovery.js';
import { HydraGrants } from '../hydra/hydra.grants.js';
import { KratosClearance } from '../kratos/kratos.clearance.js';
import { RevocationService } from '../../../session/revocation/revocation.service.js';
import { AgentGate } from '../agents/agent.gate.js';
import { ClearanceGate } from './clearance.gate.js';
import { allowOtherOrigins } from './cross-origin.answers.js';
import { FormDrafts } from './form.draft.js';
import { LanguageCatalogue } from '../../../platform/i18n/language.catalogue.js';
import { passwordPolicyOf } from '../../../platform/passwords/deployment.passwords.js';
import { ApplicationAdmission } from '../challenges/application.admission.js';
import { ApplicationClaims } from '../challenges/application.claims.js';
import { FlowDestination } from '../challenges/flow.destination.js';
import { SignUpPolicy } from '../../../accounts/sign-up.policy.js';
import { FactsGate } from './facts.gate.js';
import { FormRefusals } from './form.refusals.js';
import { returnFromLogin } from './login.return.js';
import { HydraAnswers } from './hydra.answers.js';
import { LoginPace } from './login.pace.js';
import { FormPostPage } from './form-post.page.js';
import { PasswordGate } from './password.gate.js';
import { OwnershipGate } from './ownership.gate.js';
import { VerificationBindings } from './verification.binding.js';
import { VerificationGate } from './verification.gate.js';
import { RefreshGate } from './refresh.gate.js';
import { SecretGate } from './secret.gate.js';
import { SignUpGate } from './sign-up.gate.js';
import { OryLimits } from './ory.limits.js';
import { repeatsAsQuery } from './posted.authorization.js';
import {
  queryOf,
  requireEncodedForm,
  requireNoForm,
  requireNoRequestObject,
  requireSameReading,
  requireShortQuery,
} from './query.limit.js';
import { ProxiedCalls } from './proxied.calls.js';
import { RequiredLogins } from '../connections/owned/required.logins.js';
import { type ExposedRoute, hydraRoutes, isExposed, kratosRoutes } from './ory.routes.js';
import { UpstreamDispatcher } from './upstream.dispatcher.js';
import { ProxyCircuitBreaker } from './proxy-circuit.breaker.js';
import { UpstreamQueue } from './upstream.queue.js';
import { awaitBody } from './whole.body.js';

/**
 * Lanes of requests, each with its own queue. Reads have the time-out of any call, longer while the upstream answers other calls.
 * Submissions have the library's, because they may need a password hash, which takes seconds under load.
 */
const lanes = [
  { methods: ['GET', 'HEAD', 'OPTIONS'], isRead: true },
  { methods: ['POST'], isRead: false },
] as const;
/** Seconds that a person has to answer a challenge. */
const challengeLifetime = 1800;

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
  readonly prefix: string;
  readonly url: string;
  readonly routes: readonly ExposedRoute[];
  readonly connections: number;
  readonly breaker: CircuitBreaker;
  /** Counts a request that is about to be passed on. @param path after the prefix. */
  readonly admit: (request: FastifyRequest, reply: FastifyReply, path: string) => Promise<void>;
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
  const bootstrap = get(OryBootstrap);
  const kratos = get(KratosClient);
  const limits = new OryLimits(get(RateLimits), kratos, configuration.PUBLIC_URL);
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
  const binding = get(ChallengeBinding);
  const writer = get(CookieWriter);
  const clock = get(Clock);
  const cookies = get(UpstreamCookies);
  const drafts = get(FormDrafts);
  const policy = passwordPolicyOf(configuration);
  const refusals = new FormRefusals({
    kratos,
    drafts,
    languages: get(LanguageCatalogue),
    publicUrl: configuration.PUBLIC_URL,
    minimumLength: policy.minimumLength,
  });
  const signUp = new SignUpGate({
    policy: get(SignUpPolicy),
    destinations: get(FlowDestination),
    refusals,
    required: get(RequiredLogins),
  });
  const passwords = new PasswordGate(policy, refusals);
  const trail = new AccountTrail({
    kratos,
    audit: get(AuditService),
    users: get(UserDirectory),
    origin: configuration.PUBLIC_URL,
  });
  const ownership = new OwnershipGate({
    kratos,
    clearance: get(KratosClearance),
    grants: get(HydraGrants),
    ownership: get(AccountOwnership),
    revocations: get(RevocationService),
    rights: get(AddressRights),
    verification: new VerificationGate(kratos, get(VerificationBindings)),
  });
  const clearances = new ClearanceGate(kratos, get(AccountOwnership), clock);
  const facts = new FactsGate(kratos, get(AccountFacts), get(RequestAuthenticator));
  const secrets = new SecretGate(get(ApplicationSecretRepository));
  const refreshes = new RefreshGate({
    hydra: get(HydraClient),
    sources: get(IdentitySource),
    admission: get(ApplicationAdmission),
    grants: get(HydraGrants),
    uses: get(ApplicationUses),
    audit: get(AuditService),
  });
  const answers = new HydraAnswers(get(HydraDiscovery), get(FormPostPage), get(ApplicationClaims));
  const agents = get(AgentGate);
  const calls = new ProxiedCalls(get(UpstreamCalls));
  const pace = new LoginPace();
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  for (const upstream of upstreams) {
    const isKratos = upstream.prefix !== hydraPrefix;
    const pathIn = (request: FastifyRequest): string => pathOf(request).slice(upstream.prefix.length);
    await fastify.register(async (scope) => {
      // Bodies are passed on as they are: Nest's parsers would consume them.
      scope.removeAllContentTypeParsers();
      const passage = new ProxyCircuitBreaker(upstream.breaker);
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
        } else {
          requireSameReading(queryOf(request.url));
          requireNoRequestObject(request.url, path);
          requireEncodedForm(request.method, request.headers, path);
          if (
            (await allowOtherOrigins(request, reply, path)) ||
            (await answers.metadata(reply, path)) ||
            (await repeatsAsQuery(request, reply, path))
          ) {
            return;
          }
        }
        await upstream.admit(request, reply, path);
        if (!isKratos) {
          await secrets.admit(request, path);
          const granted = await refreshes.admit(request, path);
          if (await agents.admit(request, reply, path, granted)) {
            return;
          }
        }
        await drafts.watch(request, pathOf(request));
        if (isKratos) {
          if (
            (await signUp.refuses(request, reply, path)) ||
            (await passwords.refuses(request, reply, path))
          ) {
            return;
          }
          await clearances.admit(request, path);
          await ownership.admit(request, path);
          await trail.watch(request, path);
        }
        await awaitBody(request);
        await queue.enter(request, reply);
        passage.enter(request, reply);
        if (isKratos) {
          pace.begin(request, path);
        }
        calls.begin(isKratos ? 'kratos' : 'hydra', request, reply);
      });
      scope.addHook('onSend', (request, reply, _payload, done) => {
        calls.end(request, reply);
        queue.leave(request);
        done();
      });
      scope.addHook('onSend', async (request, reply, payload) => {
        drafts.settle(request, reply);
        if (isKratos) {
          await pace.settle(request, reply);
        } else {
          refreshes.settle(request, reply);
          const written =
            (await agents.settle(request, reply, payload)) ??
            (await answers.rewrite(request, reply, pathIn(request), payload));
          if (written !== undefined) {
            return written;
          }
        }
        await clearances.settle(request, reply);
        await ownership.settle(request, reply);
        const change = await trail.settle(request, reply);
        if (isKratos) {
          await facts.settle(request, reply, { path: pathIn(request), endsOthers: change === 'password' });
          await returnFromLogin(request, reply, pathIn(request), configuration.PUBLIC_URL);
        }
        const location = reply.getHeader('location');
        if (typeof location !== 'string') {
          return payload;
        }
        // Only Hydra issues challenges. Kratos redirects to any `return_to` on this origin. So anyone who holds a stolen
        // challenge could otherwise have it bound to their own browser through Kratos.
        const bound = isKratos ? undefined : binding.bind(location, request.headers.cookie, clock.now());
        if (bound !== undefined) {
          writer.set(reply, bound.name, bound.value, challengeLifetime);
          for (const name of bound.surplus.filter((other) => !setsCookie(reply, other))) {
            writer.clear(reply, name);
          }
        }
        drafts.keep(request, reply, location);
        if (request.method !== 'POST' || !leavesOrigin(location, configuration.PUBLIC_URL)) {
          return payload;
        }
        // A third-party login: the form's own policy would block the redirect to another host.
        void reply.code(200).removeHeader('location').removeHeader('content-length');
        void reply.type('text/html; charset=utf-8');
        return redirectPage(new URL(location).href);
      });
      for (const lane of lanes) {
        const parts = { calls, cookies, agents };
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
    agents,
  }: { readonly calls: ProxiedCalls; readonly cookies: UpstreamCookies; readonly agents: AgentGate },
): FastifyHttpProxyOptions {
  return {
    prefix,
    upstream: url,
    httpMethods: [...methods],
    undici: isRead
      ? UpstreamDispatcher.ofReads(connections, breaker)
      : UpstreamDispatcher.ofSubmissions(connections),
    replyOptions: {
      queryString: (_search, url, request) => agents.queryOf(request, url),
      rewriteRequestHeaders: (request, headers) => ({
        ...headersForUpstream(headers, prefix, cookies),
        host: own.host,
        'x-forwarded-host': own.host,
        'x-forwarded-proto': own.protocol.slice(0, -1),
        'x-forwarded-for': request.ip,
        ...calls.headersOf(request),
        ...agents.headersOf(request),
      }),
      rewriteHeaders: ({ 'set-cookie': set, ...headers }) =>
        set === undefined
          ? headers
          : { ...headers, 'set-cookie': [set].flat().map((line) => cookies.toBrowser(line)) },
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

function setsCookie(reply: FastifyReply, name: string): boolean {
  return [reply.getHeader('set-cookie') ?? []].flat().some((line) => String(line).startsWith(`${name}=`));
}

function leavesOrigin(location: string, origin: string): boolean {
  return (
    URL.canParse(location) &&
    /^https?:$/.test(new URL(location).protocol) &&
    new URL(location).origin !== origin
  );
}
