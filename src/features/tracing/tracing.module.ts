import { Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { CoreModule } from '../../platform/core/core.module.js';
import { Telemetry } from '../../platform/telemetry/telemetry.js';
import { OpenTelemetryTracing } from './opentelemetry-tracing.js';

/** The module of traces, which is loaded if a collector is configured, and OpenTelemetry's libraries with it. */
@Module({ imports: [CoreModule], providers: [OpenTelemetryTracing] })
export class TracingModule {
  constructor(
    telemetry: Telemetry,
    { httpAdapter }: HttpAdapterHost<FastifyAdapter>,
    tracing: OpenTelemetryTracing,
  ) {
    telemetry.tracing = tracing;
    // Modules are made before the hooks of all other parts are added.
    tracing.setUp(httpAdapter.getInstance());
  }
}
