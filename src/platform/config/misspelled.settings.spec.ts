import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfiguration } from './configuration.js';

const misspelledIn = (environment: Readonly<Record<string, string>>) =>
  loadConfiguration({
    KRATOS_PUBLIC_URL: 'http://127.0.0.1:1',
    KRATOS_ADMIN_URL: 'http://127.0.0.1:1',
    HYDRA_PUBLIC_URL: 'http://127.0.0.1:1',
    HYDRA_ADMIN_URL: 'http://127.0.0.1:1',
    SECRETS: randomBytes(32).toString('base64'),
    ...environment,
  }).misspelled;

describe('settings that are spelled almost right', () => {
  it.each([
    ['SIGN_UP', 'SIGNUP'],
    ['SIGNUPS', 'SIGNUP'],
    ['PUBLICURL', 'PUBLIC_URL'],
    ['signup', 'SIGNUP'],
    ['RATELIMIT', 'RATE_LIMIT'],
    ['REQUIRE_VERIFIED_MAIL', 'REQUIRE_VERIFIED_EMAIL'],
    ['SECRET_FILE', 'SECRETS'],
    ['SINGUP', 'SIGNUP'],
    ['SERCETS', 'SECRETS'],
    ['RATELIMTI', 'RATE_LIMIT'],
  ])('%s is reported as %s', (name, nearest) => {
    expect(misspelledIn({ [name]: 'closed' })).toEqual([{ name, nearest }]);
  });

  it.each([
    'PATH',
    'HOSTNAME',
    'POSTGRES_PASSWORD',
    'REDIS_PORT',
    'HYDRA_SERVICE_HOST',
    'TERM',
    'MAILBOX_PORT',
  ])('%s is not', (name) => {
    expect(misspelledIn({ [name]: 'x' })).toEqual([]);
  });

  it('a setting and the file of one are not', () => {
    expect(misspelledIn({ SIGNUP: 'closed', BRAND_NAME: 'Acme' })).toEqual([]);
  });
});
