import { expect, it } from 'vitest';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { signalSettings } from './signal.settings.js';

const oidc = {
  AUTH_PROVIDER: 'oidc',
  OIDC_ISSUER: 'https://sso.example.test',
  OIDC_CLIENT_ID: 'client',
  OIDC_CLIENT_SECRET: 'client-secret',
  PUBLIC_URL: 'https://auth.example.test',
};

it('no transmitter is trusted unless it is named', () => {
  expect(signalSettings.variables.parse({}).SIGNAL_TRANSMITTERS).toEqual([]);
});

it('issuers are kept as they are written, with the slash at their end', () => {
  const text = 'https://one.example.test/, https://two.example.test/issuer1,http://127.0.0.1:8080';
  expect(signalSettings.variables.parse({ SIGNAL_TRANSMITTERS: text }).SIGNAL_TRANSMITTERS).toEqual([
    'https://one.example.test/',
    'https://two.example.test/issuer1',
    'http://127.0.0.1:8080',
  ]);
});

it.each([
  'http://signals.example.test',
  'signals.example.test',
  'https://user:password@signals.example.test',
  'https://signals.example.test/?tenant=1',
  'https://signals.example.test/#one',
  'https://one.example.test,ftp://two.example.test',
])('%s is refused at the start', (text) => {
  expect(() => plainConfiguration({ ...oidc, SIGNAL_TRANSMITTERS: text })).toThrow(
    'SIGNAL_TRANSMITTERS: must be https URLs',
  );
});

it('is refused with Ory, where it would have no effect', () => {
  expect(() => plainConfiguration({ SIGNAL_TRANSMITTERS: 'https://signals.example.test' })).toThrow(
    'SIGNAL_TRANSMITTERS: must not be set with AUTH_PROVIDER=ory',
  );
});
