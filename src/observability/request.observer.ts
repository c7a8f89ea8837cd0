import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { CommonConfiguration } from '../config/configuration.js';
import { HttpMetrics } from '../metrics/http.metrics.js';
import { Tracing } from '../tracing/tracing.js';

/** Has each request counted, and traced where that is on. Before any other hook: they run within the request's span. */
export function observeRequests(app: NestFastifyApplication, { METRICS }: CommonConfiguration): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  app.get(Tracing, { strict: false }).setUp(fastify);
  if (METRICS === 'on') {
    const metrics = app.get(HttpMetrics, { strict: false });
    fastify.addHook('onResponse', (request, reply, done) => {
      metrics.observe(request.routeOptions.url, reply.statusCode, reply.elapsedTime);
      done();
    });
  }
}
