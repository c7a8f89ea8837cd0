import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { redact } from '../../doctor/finding-redaction.js';
import { isOn, metricSettings } from './metrics.settings.js';

const METRICS_TOKEN = randomBytes(32).toString('hex');
const isOnWith = (values: Readonly<Record<string, string>>): boolean =>
  isOn(metricSettings.variables.parse(values));

it('metrics are off by themselves; a token turns them on, unless they are turned off', () => {
  expect(isOnWith({})).toBe(false);
  expect(isOnWith({ METRICS: 'on' })).toBe(true);
  expect(isOnWith({ METRICS_TOKEN })).toBe(true);
  expect(isOnWith({ METRICS_TOKEN, METRICS: 'off' })).toBe(false);
});

it.each([
  ['METRICS', 'yes'],
  ['METRICS_TOKEN', 'short'],
  ['METRICS_TOKEN', 'with blanks in it, however long it may be'],
])('%s=%s is refused by its name', (variable, value) => {
  expect(() => plainConfiguration({ [variable]: value })).toThrow(new RegExp(`^  ${variable}: `, 'm'));
});

it('a token is a secret: the doctor doesn’t print it, and none of the documentation is taken in production', () => {
  expect(redact(plainConfiguration({ METRICS_TOKEN }))(`${METRICS_TOKEN} is sent`)).toBe('(secret) is sent');
  const load = (token: string, NODE_ENV: string) => () =>
    plainConfiguration({
      PUBLIC_URL: 'https://auth.internal',
      METRICS_TOKEN: token,
      NODE_ENV,
    });
  const placeholder = 'changeme-changeme-changeme-changeme';
  expect(load(placeholder, 'production')).toThrow(
    /^ {2}METRICS_TOKEN: is a placeholder, and NODE_ENV is production$/m,
  );
  expect(load(placeholder, 'development')).not.toThrow();
  expect(load(METRICS_TOKEN, 'production')).not.toThrow(/METRICS_TOKEN/);
});
