import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { CommonConfiguration } from '../config/configuration.js';
import { longestSettings } from '../config/org-connection.parser.js';
import { Problem } from '../errors/problem.error.js';
import { AccessLog } from '../logging/access-log.js';
import { ApplicationHosts } from './application-hosts.js';
import { isInnerCall } from './inner-call.js';
import { allowOtherOrigins, isOfAnyOrigin } from './cross-origin-answers.js';
import { refuseCrossSite, trustedAt } from './cross-site.guard.js';
import { withoutPorts } from './forwarded-addresses.js';
import { ProblemFilter } from './problem.filter.js';
import { pathOf } from './request-path.js';
import type { SecureResponseClass } from '../hot-path/secure-response.js';
import { validateSchemas } from './validation-pipe.js';

/**
 * Paths that a probe or scraper requests by address, or the provider or another service by an internal name, so that the request has
 * none of our host names. They include the files of the page that states which name is served.
 */
const hostless =
  /^\/(?:health\/|metrics$|assets\/|auth\/ory\/session-question\/|auth\/(?:(?:backchannel|application)-logout|token|revocations(?:\/stream)?)$|ssf\/events$|\.well-known\/jwks\.json$)/;
/** Hydra's endpoints use no cookie of ours, and browser apps on other origins call them. */
const otherOriginsWelcome = '/ory/hydra/';
/** Where pages of companies' SAML providers post what is signed by the provider. No cookie counts there. */
const otherSitesPost = /^\/auth\/connections\/[a-z\d][a-z\d-]{0,35}\/(?:acs|slo)$/;
/**
 * Routes with larger bodies than others, in bytes: answers of SAML providers, which name each of a user's groups and may be encrypted, and
 * settings of connections, in which a form writes some characters as three or six.
 */
const bodyLimits: readonly (readonly [RegExp, number])[] = [
  [/^\/auth\/connections\/:id\/acs$/, 300_000],
  [/^(?:\/api\/v1)?\/orgs\/:id\/connections(?:\/:connectionId)?$/, 3 * longestSettings],
];

/**
 * Sets up what holds for every route: host and CSRF checks, errors, access log. Hooks use callbacks and aren't async where
 * possible: every request passes them.
 */
export function setUpHttp(
  app: NestFastifyApplication,
  configuration: CommonConfiguration,
  logger: Logger,
  Response: SecureResponseClass,
): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  // Fastify accepts text/plain by default, the one body that pages of other sites may send without a preflight.
  fastify.removeContentTypeParser('text/plain');
  // A security event token (RFC 8417 section 7.2): a JWS, which the route parses.
  fastify.addContentTypeParser('application/secevent+jwt', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  fastify.addHook('onRoute', (route) => {
    const limit = bodyLimits.find(([path]) => path.test(route.url))?.[1];
    if (limit !== undefined) {
      route.bodyLimit = limit;
    }
  });
  validateSchemas(app);
  app.useGlobalFilters(app.get(ProblemFilter));

  const publicHost = new URL(configuration.PUBLIC_URL).host.toLowerCase();
  const hosts = app.get(ApplicationHosts, { strict: false });
  const trusted = { own: configuration.PUBLIC_URL, others: new Set(configuration.ALLOWED_ORIGINS) };
  // Every request has these fields from the beginning: V8 reads objects faster that all have the same fields.
  fastify.decorateRequest('vestibuleHost');
  fastify.decorateRequest('vestibulePrincipal');
  fastify.addHook('onRequest', (request, reply, done) => {
    const { headers } = request;
    const { 'x-forwarded-for': forwarded } = headers;
    if (typeof forwarded === 'string') {
      headers['x-forwarded-for'] = withoutPorts(forwarded);
    }
    // Requests without a connection (`inject`) get a response of another class.
    if (!(reply.raw instanceof Response)) {
      void reply.headers(Response.fields);
    }
    const { host } = request;
    if (host !== publicHost && host.toLowerCase() !== publicHost) {
      const path = pathOf(request);
      const found = hosts.find(host, path);
      if (found !== undefined) {
        request.vestibuleHost = found;
      } else if (!hostless.test(path)) {
        throw new Problem('wrong_host', { reason: 'foreign_host' });
      }
    }
    if (isOfAnyOrigin(request)) {
      if (allowOtherOrigins(request, reply) !== undefined) {
        return;
      }
    } else if (!request.url.startsWith(otherOriginsWelcome) && !isPostedElsewhere(request)) {
      refuseCrossSite(request, trustedAt(request, trusted));
    }
    done();
  });
  const accessLog = new AccessLog(logger);
  fastify.addHook('onResponse', (request, reply, done) => {
    logAccess(accessLog, request, reply);
    done();
  });
}

function isPostedElsewhere(request: FastifyRequest): boolean {
  return request.method === 'POST' && otherSitesPost.test(pathOf(request));
}

/** Probes and static files: a line for each would bury the others. */
const quiet = /^\/(?:health\/|assets\/|metrics$|favicon\.ico$)/;

function logAccess(log: AccessLog, request: FastifyRequest, reply: FastifyReply): void {
  if (!log.isOn('info')) {
    // Then `debug` isn't on either.
    return;
  }
  const path = pathOf(request);
  const isQuiet = isInnerCall(request) || (reply.statusCode < 400 && quiet.test(path));
  const level = isQuiet ? 'debug' : 'info';
  if (log.isOn(level)) {
    log.write(level, {
      reqId: request.id,
      method: request.method,
      path: path.slice(0, 200),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      remote: request.ip,
      sid: request.vestibulePrincipal?.claims.sid,
    });
  }
}
