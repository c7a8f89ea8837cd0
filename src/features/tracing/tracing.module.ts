import { Inject, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Configuration } from '../../platform/config/configuration.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { Telemetry } from '../../platform/telemetry/telemetry.js';
import type { OpenTelemetryTracing } from './opentelemetry-tracing.js';
import { type TracingSettings, tracingSettings } from './tracing.settings.js';

const COLLECTED = Symbol('traces for a collector');

/** The module of traces. If no collector is configured, OpenTelemetry's libraries aren't even loaded. */
@Module({
  imports: [CoreModule],
  providers: [
    {
      provide: COLLECTED,
      inject: [CONFIGURATION, tracingSettings.token],
      useFactory: async (
        configuration: Configuration,
        settings: TracingSettings,
      ): Promise<OpenTelemetryTracing | undefined> => {
        const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
        return endpoint === undefined
          ? undefined
          : new (await import('./opentelemetry-tracing.js')).OpenTelemetryTracing(
              configuration,
              settings,
              endpoint,
            );
      },
    },
  ],
})
export class TracingModule {
  constructor(
    telemetry: Telemetry,
    { httpAdapter }: HttpAdapterHost<FastifyAdapter>,
    @Inject(COLLECTED) tracing: OpenTelemetryTracing | undefined,
  ) {
    if (tracing !== undefined) {
      telemetry.tracing = tracing;
      // Modules are made before the hooks of all other parts are added.
      tracing.setUp(httpAdapter.getInstance());
    }
  }
}
