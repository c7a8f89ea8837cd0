import { z } from 'zod';
import { variableDocs } from '../../platform/config/variable.js';
import { type SettingsOf, defineSettings } from '../../platform/features/feature.js';

/** Settings of metrics. */
export const metricSettings = defineSettings('metricSettings', {
  METRICS: z.enum(['on', 'off'], 'must be on or off').optional().register(variableDocs, {
    description:
      'Whether `GET /metrics` is served, for Prometheus. Without `METRICS_TOKEN`, only clients in the private network may read it (docs/observability.md).',
    derivedDefault: '`on` if `METRICS_TOKEN` is set, otherwise `off`',
    recommendation: '`on`, with a token if a public proxy can reach this port.',
    example: 'on',
  }),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\w.~+/-]{32,256}=*$/, { error: 'must be a bearer token of at least 32 characters' })
    .optional()
    .register(variableDocs, {
      description: 'Bearer token that every client of `/metrics` must send, from any address.',
      derivedDefault: 'none',
      recommendation:
        'Create one with `openssl rand -hex 32`. In Prometheus, set `authorization.credentials_file`.',
      secret: true,
    }),
});

export type MetricSettings = SettingsOf<typeof metricSettings>;

/** Whether metrics are on. */
export function isOn({ METRICS, METRICS_TOKEN }: MetricSettings): boolean {
  return METRICS === 'on' || (METRICS === undefined && METRICS_TOKEN !== undefined);
}
