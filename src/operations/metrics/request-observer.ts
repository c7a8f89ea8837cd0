import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Configuration } from '../../platform/config/configuration.js';
import { HttpMetrics } from '../../platform/telemetry/http-metrics.js';
import { Tracing } from '../../platform/telemetry/tracing.js';
import { watchMetrics } from './metric-watch.js';

/** Counts and traces each request. Must be called before any other hook is added, so that all run in the span. */
export function observeRequests(app: NestFastifyApplication, configuration: Configuration): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  app.get(Tracing, { strict: false }).setUp(fastify);
  if (configuration.METRICS === 'on') {
    watchMetrics(app, configuration);
    const metrics = app.get(HttpMetrics, { strict: false });
    fastify.addHook('onResponse', (request, reply, done) => {
      metrics.observe(request.routeOptions.url, reply.statusCode, reply.elapsedTime);
      done();
    });
  }
}
