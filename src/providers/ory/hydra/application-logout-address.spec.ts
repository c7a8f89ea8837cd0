import { expect, it } from 'vitest';
import { applicationLogoutUri, hasLogoutAddress, logoutAddressAt } from './application-logout-address.js';

const gateway = 'http://gateway:3000/auth/backchannel-logout';

it.each([
  'https://wiki.example.org/logout',
  'https://wiki.example.org/logout?to=elsewhere&a=b%26c#d',
  'https://wiki.example.org/pfad/ä?x=ü',
  'https://wiki.example.org/auth/application-logout',
])('an application’s own address comes back as it was: %s', (uri) => {
  const address = logoutAddressAt(gateway, uri);
  expect(new URL(address).origin).toBe('http://gateway:3000');
  expect(new URL(address).pathname).toBe('/auth/application-logout');
  expect(applicationLogoutUri(address)).toBe(uri);
  expect(applicationLogoutUri(uri)).toBe(uri);
  expect(hasLogoutAddress({ backchannel_logout_uri: address }, address)).toBe(true);
  expect(hasLogoutAddress({ backchannel_logout_uri: uri }, address)).toBe(false);
  expect(hasLogoutAddress({}, address)).toBe(false);
});

it('what is no address stays as it is', () => {
  expect(applicationLogoutUri('no address')).toBe('no address');
});
