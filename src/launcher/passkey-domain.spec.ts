import { expect, test } from 'vitest';
import { passkeyDomain } from './passkey-domain.js';

test.each([
  ['http://localhost:3000', 'localhost'],
  ['http://auth.localhost:3000', 'auth.localhost'],
  ['https://auth.example.org', 'auth.example.org'],
  ['https://auth.example.org:8443', 'auth.example.org'],
  ['http://auth.example.org', undefined],
  ['http://notlocalhost', undefined],
  ['http://127.0.0.1:3000', undefined],
  ['https://192.0.2.1', undefined],
  ['https://[2001:db8::1]:8443', undefined],
])('%s: %s', (publicUrl, domain) => {
  expect(passkeyDomain(publicUrl)).toBe(domain);
});
