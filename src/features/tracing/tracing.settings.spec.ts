import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { redact } from '../../doctor/finding-redaction.js';
import { secretsCheck } from '../../doctor/secrets.check.js';
import { configuredHosts } from '../../platform/air-gap/air-gap-hosts.js';
import { ConfigurationError } from '../../platform/config/configuration.js';
import { variableDocs } from '../../platform/config/variable.js';
import { tracingSettings } from './tracing.settings.js';

const { variables } = tracingSettings;
const example = String(variableDocs.get(variables.shape.OTEL_EXPORTER_OTLP_HEADERS)?.example);

function problemsOf(values: Readonly<Record<string, string>>): readonly string[] {
  try {
    plainConfiguration(values);
    return [];
  } catch (error) {
    return error instanceof ConfigurationError ? error.problems : [String(error)];
  }
}

it('there is no collector unless it is named', () => {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS } = variables.parse({});
  expect([OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS]).toEqual([undefined, new Map()]);
});

it('headers for the collector are percent-decoded', () => {
  const OTEL_EXPORTER_OTLP_HEADERS = 'authorization=Bearer%20abc=, x-tenant=a%2Cb';
  expect(variables.parse({ OTEL_EXPORTER_OTLP_HEADERS }).OTEL_EXPORTER_OTLP_HEADERS).toEqual(
    new Map([
      ['authorization', 'Bearer abc='],
      ['x-tenant', 'a,b'],
    ]),
  );
});

it.each([
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:pass@collector:4318'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'no value'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'x-broken=%zz'],
  ['OTEL_TRACES_SAMPLER', 'sometimes'],
  ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
  ['OTEL_TRACES_SAMPLER_ARG', 'half'],
  ['OTEL_TRACES_SAMPLER_ARG', '-0.1'],
])('%s=%s is refused by its name', (variable, value) => {
  expect(problemsOf({ [variable]: value })).toEqual([expect.stringMatching(`^${variable}: `)]);
});

it('what the headers hold is secret: the doctor doesn’t print it, and takes a short one, as the collector does', async () => {
  const token = randomBytes(32).toString('hex');
  const configuration = plainConfiguration({
    OTEL_EXPORTER_OTLP_HEADERS: `x-tenant=us,authorization=Bearer%20${token}`,
  });
  expect(redact(configuration)(`Bearer ${token} is sent`)).toBe('(secret) is sent');
  const found = await secretsCheck.run(configuration);
  expect(found.filter(({ detail }) => detail?.includes('OTEL'))).toEqual([]);
});

it.each([
  [example, true],
  ['x-tenant=us,authorization=Bearer%20your-token', true],
  ['authorization=Basic%20changeme', true],
  [`x-tenant=us,authorization=Bearer%20${randomBytes(32).toString('base64url')}`, false],
])('in production, headers %s are a placeholder: %s', (value, isRefused) => {
  const values = { OTEL_EXPORTER_OTLP_HEADERS: value };
  const problem = 'OTEL_EXPORTER_OTLP_HEADERS: is a placeholder, and NODE_ENV is production';
  const own = (NODE_ENV: string) =>
    problemsOf({ ...values, NODE_ENV }).filter((found) => found.startsWith('OTEL'));
  expect(own('production')).toEqual(isRefused ? [problem] : []);
  expect(own('development')).toEqual([]);
});

it('the collector is a host that is called: an air-gapped deployment starts only if it is inside', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'https://public.example';
  expect(configuredHosts(plainConfiguration({ OTEL_EXPORTER_OTLP_ENDPOINT }))).toContainEqual({
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    host: 'public.example',
  });
});
