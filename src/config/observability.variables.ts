import { z } from 'zod';
import { commaList, httpUrl, variableDocs } from './variable.js';

const header = /^([!#$%&'*+.^_`|~\w-]+)=([\t\u{20}-\u{7e}]*)$/u;

/** `name=value` entries, values percent-encoded (OpenTelemetry's `OTEL_EXPORTER_OTLP_HEADERS`) → headers. */
const headers = z.array(z.string()).transform((entries, context): Readonly<Record<string, string>> => {
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
  return Object.fromEntries(parsed.filter((entry) => entry !== undefined));
});

const ratio = z.string().transform((text, context) => {
  const number = /^(?:0|1|[01]?\.\d{1,9}|1\.0+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= 0 && number <= 1)) {
    context.addIssue('must be a number from 0 to 1');
    return z.NEVER;
  }
  return number;
});

/** Metrics and traces. */
export const observabilityVariables = {
  METRICS: z.enum(['on', 'off'], 'must be on or off').optional().register(variableDocs, {
    description:
      'Whether `GET /metrics` is there, for Prometheus. Without `METRICS_TOKEN` it only answers a scraper that connects by itself from a private or loopback address, and asks for that address or an inside name: not what came through a proxy (docs/observability.md).',
    derivedDefault: '`on` when `METRICS_TOKEN` is set, else `off`',
    recommendation: '`on`, with a token wherever a proxy of the outside can reach this port.',
    example: 'on',
  }),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\w.~+/-]{32,256}=*$/, { error: 'must be a bearer token of at least 32 characters' })
    .optional()
    .register(variableDocs, {
      description: 'Bearer token that a scraper must send; from then on no address is enough.',
      derivedDefault: 'none',
      recommendation: 'Make one with `openssl rand -hex 32`; `authorization.credentials_file` in Prometheus.',
      secret: true,
    }),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.clone().optional().register(variableDocs, {
    description:
      'OpenTelemetry collector that traces are sent to by OTLP over HTTP (JSON), to `/v1/traces` under this URL.',
    derivedDefault: 'none: nothing is traced, and no library for it loaded',
    example: 'http://otel-collector:4318',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: commaList.pipe(headers).default({}).register(variableDocs, {
    description: 'Headers for the collector: a comma list of `name=value`, values percent-encoded.',
    derivedDefault: 'none',
    example: 'authorization=Bearer%20your-token',
    secret: true,
  }),
  OTEL_SERVICE_NAME: z.string().min(1).max(100).default('vestibule').register(variableDocs, {
    description: 'What the traces call this service.',
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
        'Which requests are traced. `parentbased_…` follows the `traceparent` of a proxy in `TRUST_PROXY`, where there is one; nobody else’s is looked at.',
      recommendation: '`parentbased_traceidratio` with `OTEL_TRACES_SAMPLER_ARG=0.01` under load.',
    }),
  OTEL_TRACES_SAMPLER_ARG: ratio.default(1).register(variableDocs, {
    description: 'Part of the requests that the `…traceidratio` samplers trace, from 0 to 1.',
    example: '0.01',
  }),
};
