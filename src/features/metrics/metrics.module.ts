import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { Telemetry } from '../../platform/telemetry/telemetry.js';
import { HttpMetrics } from './http-metrics.js';
import { watchMetrics } from './metric-watch.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsAccess } from './metrics-access.js';
import { MetricsExposition } from './metrics-exposition.js';
import { Metrics } from './metrics.js';

/** The module of metrics, which is loaded if they are on. */
@Module({
  imports: [CoreModule],
  controllers: [MetricsController],
  providers: [Metrics, MetricsAccess, MetricsExposition],
})
export class MetricsModule implements OnModuleInit {
  readonly #configuration: Configuration;

  constructor(
    telemetry: Telemetry,
    { httpAdapter }: HttpAdapterHost<FastifyAdapter>,
    private readonly metrics: Metrics,
    private readonly parts: ModuleRef,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
    telemetry.recorder = metrics;
    countRequests(httpAdapter.getInstance(), new HttpMetrics(metrics));
  }

  onModuleInit(): void {
    watchMetrics(this.metrics, this.parts, this.#configuration);
  }
}

/** Counts each request. Must be called before a scope of its own is registered: it would not have the hook. */
function countRequests(fastify: FastifyInstance, metrics: HttpMetrics): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    metrics.observe(request.routeOptions.url, reply.statusCode, reply.elapsedTime);
    done();
  });
}
