import { expect, it } from 'vitest';
import { z } from 'zod';
import { newSecret, providerEnv } from '../../test/support/gateway.js';
import { type Configuration, loadConfiguration } from '../platform/config/configuration.js';
import { commaList, variableDocs } from '../platform/config/variable.js';
import { defineFeature, defineSettings } from '../platform/features/feature.js';
import { redact } from './finding-redaction.js';
import { secretsCheck } from './secrets.check.js';

const docs = { description: 'A secret.', secret: true } as const;
const billing = defineFeature({
  name: 'billing',
  settings: defineSettings('billing', {
    BILLING_TOKEN: z.string().optional().register(variableDocs, docs),
    BILLING_QUEUE: z.url().optional().register(variableDocs, docs),
    BILLING_TOKENS: commaList.default([]).register(variableDocs, docs),
    BILLING_HEADERS: z
      .string()
      .default('')
      .transform((text) => new Map(text.split(',').map((value, index) => [`x-${index}`, value])))
      .register(variableDocs, { ...docs, secret: 'headers' }),
    BILLING_NAME: z.string().optional().register(variableDocs, { description: 'A name.' }),
  }),
});
const token = '7d0e6c41a9b35f28c4';

function configured(values: Readonly<Record<string, string>>): Configuration {
  return loadConfiguration({ ...providerEnv.ory, SECRETS: newSecret(), ...values }, [billing]);
}

it.each([
  [{ BILLING_TOKEN: token, BILLING_NAME: 'changeme' }, []],
  [{ BILLING_TOKEN: 'short' }, ['secret_weak: BILLING_TOKEN']],
  [{ BILLING_TOKEN: 'please-change-me-soon' }, ['secret_weak: BILLING_TOKEN']],
  [{ BILLING_TOKEN: 'client-secret' }, ['secret_documented: BILLING_TOKEN']],
  [{ BILLING_QUEUE: 'amqp://app:queue@mq.internal' }, []],
  [
    { BILLING_QUEUE: 'amqp://app:password@mq.internal' },
    ['secret_documented: the password in BILLING_QUEUE'],
  ],
  [{ BILLING_TOKENS: `${token},${token}` }, ['secret_reused: BILLING_TOKENS and BILLING_TOKENS']],
  [{ BILLING_HEADERS: 'us,us' }, []],
  [
    { BILLING_HEADERS: `us,Bearer ${token}`, BILLING_TOKEN: token },
    ['secret_reused: BILLING_TOKEN and the password in BILLING_HEADERS'],
  ],
  [{ BILLING_TOKEN: token, ADMIN_PASSWORD: token }, ['secret_reused: ADMIN_PASSWORD and BILLING_TOKEN']],
])('finds what is wrong with the secrets of features: %j', async (values, expected) => {
  const found = await secretsCheck.run(configured(values));
  expect(found.map(({ code, detail }) => `${code}: ${detail}`)).toEqual(expected);
});

it('what a check says has no secret of a feature', () => {
  const hide = redact(
    configured({
      BILLING_TOKEN: token,
      BILLING_QUEUE: 'amqp://app:hunter22@mq.internal',
      BILLING_NAME: 'invoices',
    }),
  );
  expect(hide(`${token}, hunter22: invoices`)).toBe('(secret), (secret): invoices');
  expect(hide('amqp://app:hunter22@mq.internal is closed')).toBe('(secret) is closed');
});
