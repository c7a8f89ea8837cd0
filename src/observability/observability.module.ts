import { type DynamicModule, Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditModule } from '../audit/audit.module.js';
import type { CommonConfiguration } from '../config/configuration.js';
import { CoreModule } from '../core/core.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { Metrics } from '../metrics/metrics.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { SessionModule } from '../session/session.module.js';
import { TracingModule } from '../tracing/tracing.module.js';
import { Exposition } from './exposition.js';
import { MetricsAccess } from './metrics.access.js';
import { MetricsController } from './metrics.controller.js';
import { OperationWatch } from './operation.watch.js';
import { SessionWatch } from './session.watch.js';
import { SigningKeyWatch } from './signing-key.watch.js';

const exposition = {
  provide: Exposition,
  inject: [Metrics],
  useFactory: async (metrics: Metrics): Promise<Exposition> => {
    const { MetricsExposition } = await import('./metrics.exposition.js');
    return new MetricsExposition(metrics);
  },
};

/** Metrics for Prometheus; what is counted, and traced, is said where it happens. */
@Module({})
export class ObservabilityModule {
  /** @param auth the application's auth module, which renews sessions. */
  static register({ METRICS }: CommonConfiguration, auth: DynamicModule): DynamicModule {
    const isOn = METRICS === 'on';
    return {
      module: ObservabilityModule,
      imports: [
        ApiKeysModule,
        AuditModule,
        CoreModule,
        LimitsModule,
        MetricsModule,
        SessionModule,
        TracingModule,
        auth,
      ],
      controllers: isOn ? [MetricsController] : [],
      providers: isOn ? [exposition, MetricsAccess, OperationWatch, SessionWatch, SigningKeyWatch] : [],
    };
  }
}
