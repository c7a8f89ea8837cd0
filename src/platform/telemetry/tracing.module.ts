import { Module } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Tracing } from './tracing.js';

/** The module of traces. If no collector is configured, OpenTelemetry's libraries aren't even loaded. */
@Module({
  providers: [
    {
      provide: Tracing,
      inject: [CONFIGURATION],
      useFactory: async (configuration: Configuration): Promise<Tracing> => {
        if (configuration.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) {
          return new Tracing();
        }
        const { OpenTelemetryTracing } = await import('./opentelemetry-tracing.js');
        return new OpenTelemetryTracing(configuration, configuration.OTEL_EXPORTER_OTLP_ENDPOINT);
      },
    },
  ],
  exports: [Tracing],
})
export class TracingModule {}
