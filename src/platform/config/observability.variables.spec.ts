import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Configuration, ConfigurationError, loadConfiguration } from './configuration.js';

const load = (environment: Readonly<Record<string, string>>): Configuration =>
  loadConfiguration({
    SECRETS: randomBytes(32).toString('base64'),
    AUTH_PROVIDER: 'oidc',
    OIDC_ISSUER: 'https://sso.example.org',
    OIDC_CLIENT_ID: 'id',
    OIDC_CLIENT_SECRET: 'secret',
    ...environment,
  });

describe('settings of metrics and traces', () => {
  it('are off by themselves', () => {
    const { METRICS, METRICS_TOKEN, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS } = load({});
    expect([METRICS, METRICS_TOKEN, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS]).toEqual([
      'off',
      undefined,
      undefined,
      {},
    ]);
  });

  it('a token turns metrics on, unless they are turned off', () => {
    const METRICS_TOKEN = randomBytes(32).toString('hex');
    expect(load({ METRICS_TOKEN }).METRICS).toBe('on');
    expect(load({ METRICS_TOKEN, METRICS: 'off' }).METRICS).toBe('off');
  });

  it('headers for the collector are percent-decoded', () => {
    const OTEL_EXPORTER_OTLP_HEADERS = 'authorization=Bearer%20abc=, x-tenant=a%2Cb';
    expect(load({ OTEL_EXPORTER_OTLP_HEADERS }).OTEL_EXPORTER_OTLP_HEADERS).toEqual({
      authorization: 'Bearer abc=',
      'x-tenant': 'a,b',
    });
  });

  it.each([
    ['METRICS', 'yes'],
    ['METRICS_TOKEN', 'short'],
    ['METRICS_TOKEN', 'with blanks in it, however long it may be'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:pass@collector:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'no value'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'x-broken=%zz'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', 'half'],
    ['OTEL_TRACES_SAMPLER_ARG', '-0.1'],
  ])('%s=%s is refused by its name', (variable, value) => {
    expect(() => load({ [variable]: value })).toThrow(ConfigurationError);
    expect(() => load({ [variable]: value })).toThrow(new RegExp(`^  ${variable}: `, 'm'));
  });
});
