import { z } from 'zod';
import { commaList, httpUrl, numberBetween, variableDocs } from '../../platform/config/variable.js';
import { type SettingsOf, defineSettings } from '../../platform/features/feature.js';

const header = /^([!#$%&'*+.^_`|~\w-]+)=([\t\u{20}-\u{7e}]*)$/u;

/** `name=value` entries, values percent-encoded (OpenTelemetry's `OTEL_EXPORTER_OTLP_HEADERS`) → headers. */
const headers = z.array(z.string()).transform((entries, context): ReadonlyMap<string, string> => {
  const parsed = entries.map((entry) => {
    const [, name, value] = header.exec(entry) ?? [];
    try {
      return name === undefined ? undefined : ([name, decodeURIComponent(value ?? '')] as const);
    } catch {
      return undefined;
    }
  });
  if (parsed.includes(undefined)) {
    context.addIssue('must be a comma list of name=value, values percent-encoded');
    return z.NEVER;
  }
  return new Map(parsed.filter((entry) => entry !== undefined));
});

const ratio = numberBetween(0, 1, /^(?:0|1|[01]?\.\d{1,9}|1\.0+)$/, 'must be a number from 0 to 1');

/** Settings of traces. */
export const tracingSettings = defineSettings('tracingSettings', {
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.clone().optional().register(variableDocs, {
    description:
      'OpenTelemetry collector for traces. They are sent by OTLP over HTTP (JSON), to `/v1/traces` under this URL.',
    derivedDefault: 'none: no traces, and no library for them is loaded',
    example: 'http://otel-collector:4318',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: commaList.pipe(headers).default(new Map()).register(variableDocs, {
    description:
      'Headers for the collector: a comma-separated list of `name=value`, with percent-encoded values.',
    derivedDefault: 'none',
    example: 'authorization=Bearer%20your-token',
    secret: 'headers',
  }),
  OTEL_SERVICE_NAME: z.string().min(1).max(100).default('vestibule').register(variableDocs, {
    description: 'Name of this service in traces.',
  }),
  OTEL_TRACES_SAMPLER: z
    .enum(
      [
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ],
      'must be a sampler of OpenTelemetry',
    )
    .default('parentbased_always_on')
    .register(variableDocs, {
      description:
        'Which requests are traced. `parentbased_…` follows the `traceparent` of a proxy in `TRUST_PROXY`; all others are ignored.',
      recommendation: 'Under load, use `parentbased_traceidratio` with `OTEL_TRACES_SAMPLER_ARG=0.01`.',
    }),
  OTEL_TRACES_SAMPLER_ARG: ratio.default(1).register(variableDocs, {
    description: 'Share of the requests that the `…traceidratio` samplers trace, from 0 to 1.',
    example: '0.01',
  }),
});

export type TracingSettings = SettingsOf<typeof tracingSettings>;
