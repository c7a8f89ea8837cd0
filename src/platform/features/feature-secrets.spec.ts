import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigurationError, loadConfiguration } from '../config/configuration.js';
import { parseJson } from '../config/json.parser.js';
import { secret } from '../config/secret.parser.js';
import { commaList, variableDocs } from '../config/variable.js';
import { defineFeature, defineSettings } from './feature.js';

const [one = '', two = ''] = [randomBytes(32), randomBytes(32)].map((bytes) => bytes.toString('hex'));
const docs = { description: 'A secret.', secret: true } as const;
const settings = defineSettings('billing', {
  BILLING_URL: z.string().optional().register(variableDocs, { description: 'An address.' }),
  BILLING_TOKEN: z.string().optional().register(variableDocs, docs),
  BILLING_TOKENS: commaList.default([]).register(variableDocs, docs),
  BILLING_KEY: secret.optional().register(variableDocs, docs),
  BILLING_SHOPS: z.string().transform(parseJson).optional().register(variableDocs, docs),
  BILLING_HEADERS: z
    .string()
    .transform((text) => new Map([['authorization', text]]))
    .optional()
    .register(variableDocs, { ...docs, secret: 'headers' }),
  BILLING_NUMBER: z.string().transform(Number).optional().register(variableDocs, docs),
});
const billing = defineFeature({ name: 'billing', settings });

function secretsOf(values: Readonly<Record<string, string>>): readonly string[] {
  const found = billing.read(values).settings?.secrets() ?? [];
  return found.map(({ name, text, kind }) => `${name} ${kind} ${text}`);
}

function problemsOf(values: Readonly<Record<string, string>>): readonly string[] {
  const environment = {
    AUTH_PROVIDER: 'oidc',
    PUBLIC_URL: 'https://auth.internal',
    SECRETS: two,
    OIDC_ISSUER: 'https://login.internal',
    OIDC_CLIENT_ID: 'vestibule',
    OIDC_CLIENT_SECRET: '7d0e6c41a9b35f28',
  };
  try {
    loadConfiguration({ ...environment, ...values }, [billing]);
    return [];
  } catch (error) {
    return error instanceof ConfigurationError ? error.problems : [String(error)];
  }
}

it.each([
  [{ BILLING_URL: 'https://billing.internal' }, []],
  [{ BILLING_TOKEN: 'abcdef' }, ['BILLING_TOKEN value abcdef']],
  [
    { BILLING_TOKEN: 'amqp://app:p%40ss@mq.internal' },
    ['BILLING_TOKEN password p@ss', 'BILLING_TOKEN part amqp://app:p%40ss@mq.internal'],
  ],
  [
    { BILLING_TOKENS: 'a1, b2' },
    ['BILLING_TOKENS value a1', 'BILLING_TOKENS value b2', 'BILLING_TOKENS part a1, b2'],
  ],
  [{ BILLING_HEADERS: 'Bearer  1f' }, ['BILLING_HEADERS password 1f', 'BILLING_HEADERS part Bearer  1f']],
  [{ BILLING_NUMBER: '1234567' }, ['BILLING_NUMBER part 1234567']],
  [
    { BILLING_SHOPS: '[{"id":"shop","pin":["9x"],"count":1}]' },
    [
      'BILLING_SHOPS part shop',
      'BILLING_SHOPS part 9x',
      'BILLING_SHOPS part [{"id":"shop","pin":["9x"],"count":1}]',
    ],
  ],
])('of %j these texts are secret', (values, expected) => {
  expect(secretsOf(values)).toEqual(expected);
});

it('bytes are secret in every encoding', () => {
  const bytes = Buffer.from(two, 'hex');
  expect(secretsOf({ BILLING_KEY: two })).toEqual(
    (['hex', 'base64', 'base64url'] as const).map(
      (encoding) => `BILLING_KEY part ${bytes.toString(encoding)}`,
    ),
  );
});

it.each([
  ['BILLING_TOKEN', 'changeme', true],
  ['BILLING_TOKENS', `${one},your-token`, true],
  ['BILLING_TOKEN', 'amqp://app:password@mq.internal', true],
  ['BILLING_TOKEN', one, false],
  ['BILLING_URL', 'changeme', false],
  ['BILLING_HEADERS', 'Bearer  your-token', true],
  ['BILLING_SHOPS', '{"id":"admin"}', false],
])('in production, %s=%s is a placeholder: %s', (name, value, isRefused) => {
  const problem = `${name}: is a placeholder, and NODE_ENV is production`;
  expect(problemsOf({ [name]: value, NODE_ENV: 'production' })).toEqual(isRefused ? [problem] : []);
  expect(problemsOf({ [name]: value, NODE_ENV: 'development' })).toEqual([]);
});
