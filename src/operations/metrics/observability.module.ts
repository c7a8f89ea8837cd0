import { type DynamicModule, Module } from '@nestjs/common';
import type { CommonConfiguration } from '../../platform/config/configuration.js';
import { Metrics } from '../../platform/telemetry/metrics.js';
import { MetricsModule } from '../../platform/telemetry/metrics.module.js';
import { TracingModule } from '../../platform/telemetry/tracing.module.js';
import { Exposition } from './exposition.js';
import { MetricsAccess } from './metrics-access.js';
import { MetricsController } from './metrics.controller.js';

const exposition = {
  provide: Exposition,
  inject: [Metrics],
  useFactory: async (metrics: Metrics): Promise<Exposition> => {
    const { MetricsExposition } = await import('./metrics-exposition.js');
    return new MetricsExposition(metrics);
  },
};

/** The module that exposes metrics to Prometheus. What is counted and traced is defined where it happens. */
@Module({})
export class ObservabilityModule {
  static register({ METRICS }: CommonConfiguration): DynamicModule {
    const isOn = METRICS === 'on';
    return {
      module: ObservabilityModule,
      imports: [MetricsModule, TracingModule],
      controllers: isOn ? [MetricsController] : [],
      providers: isOn ? [exposition, MetricsAccess] : [],
    };
  }
}
