import { defineFeature } from '../../platform/features/feature.js';
import { isOn, metricSettings } from './metrics.settings.js';

/** Metrics for Prometheus (docs/observability.md, docs/adr/0014). Without it, as if they are off, nothing is counted, and `/metrics` is no route. */
export const metrics = defineFeature({
  name: 'metrics',
  settings: metricSettings,
  isUsed: isOn,
  module: async () => (await import('./metrics.module.js')).MetricsModule,
});
