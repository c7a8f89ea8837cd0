import { defineFeature } from '../../platform/features/feature.js';
import { metricSettings } from './metrics.settings.js';

/** Metrics for Prometheus (docs/observability.md, docs/adr/0014). Without it, nothing is counted for them, and `/metrics` is no route. */
export const metrics = defineFeature({
  name: 'metrics',
  settings: metricSettings,
  module: async () => (await import('./metrics.module.js')).MetricsModule,
});
