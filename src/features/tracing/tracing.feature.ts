import { defineFeature } from '../../platform/features/feature.js';
import { tracingSettings } from './tracing.settings.js';

/** Traces for OpenTelemetry (docs/observability.md, docs/adr/0014). Without it, nothing is traced, and nobody's `traceparent` is passed on. */
export const tracing = defineFeature({
  name: 'tracing',
  prefixes: ['otel'],
  settings: tracingSettings,
  hosts: ({ OTEL_EXPORTER_OTLP_ENDPOINT: url }) =>
    url === undefined ? [] : [['OTEL_EXPORTER_OTLP_ENDPOINT', url]],
  isUsed: ({ OTEL_EXPORTER_OTLP_ENDPOINT: url }) => url !== undefined,
  module: async () => (await import('./tracing.module.js')).TracingModule,
});
