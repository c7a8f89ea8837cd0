import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CommonConfiguration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { refuseCrossSite } from './cross-site.guard.js';
import { ProblemFilter } from './problem.filter.js';
import { pathOf } from './request.path.js';
import { securityHeaders } from './security.headers.js';
import { createValidationPipe } from './validation.pipe.js';

/**
 * Paths that a probe or scraper asks for by address, or the provider by an inside name, so that no host name of ours is in
 * the request.
 */
const hostless = /^\/(?:health\/|metrics$|auth\/backchannel-logout$)/;
/** Hydra's endpoints take no cookie of ours, and browsers' apps on other origins call them. */
const otherOriginsWelcome = /^\/ory\/hydra\//;

/** Everything that holds for every route: cookies, security headers, host and CSRF checks, errors, access log. */
export async function setUpHttp(
  app: NestFastifyApplication,
  configuration: CommonConfiguration,
): Promise<void> {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  // Fastify takes text/plain by default, the one body that pages of other sites may send without asking.
  fastify.removeContentTypeParser('text/plain');
  await app.register(cookie);
  await app.register(helmet, securityHeaders(configuration.PUBLIC_URL));
  app.useGlobalPipes(createValidationPipe());
  app.useGlobalFilters(app.get(ProblemFilter));

  const publicHost = new URL(configuration.PUBLIC_URL).host.toLowerCase();
  const trusted = { own: configuration.PUBLIC_URL, others: new Set(configuration.ALLOWED_ORIGINS) };
  fastify.addHook('onRequest', async (request) => {
    if (request.host.toLowerCase() !== publicHost && !hostless.test(pathOf(request))) {
      throw new Problem('wrong_host', { reason: 'foreign_host' });
    }
    if (!otherOriginsWelcome.test(pathOf(request))) {
      refuseCrossSite(request, trusted);
    }
  });
  fastify.addHook('onSend', async (_request, reply) => {
    // A shared cache must never keep an answer that sets a cookie (RFC 9111 section 7.3).
    if (reply.hasHeader('set-cookie') || !reply.hasHeader('cache-control')) {
      void reply.header('cache-control', 'no-store');
    }
  });
  fastify.addHook('onResponse', async (request, reply) => {
    logAccess(request, reply);
  });
}

/** Probes and static files: a line each would bury the rest. */
const quiet = /^\/(?:health\/|assets\/|metrics$|favicon\.ico$)/;

function logAccess(request: FastifyRequest, reply: FastifyReply): void {
  const path = pathOf(request);
  request.log[quiet.test(path) && reply.statusCode < 400 ? 'debug' : 'info'](
    {
      method: request.method,
      path: path.slice(0, 200),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      remote: request.ip,
    },
    'request',
  );
}
