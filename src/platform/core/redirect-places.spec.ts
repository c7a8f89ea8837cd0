import { expect, it } from 'vitest';
import { redirectHostOf, redirectPlacesOf } from './redirect-places.js';

it.each([
  ['https://app.example.org/back', 'app.example.org'],
  ['https://app.example.org:8443/back', 'app.example.org:8443'],
  ['http://app.internal/back', 'app.internal'],
  ['com.stranger.app://bank.example.org/back', null],
  ['bank.example.org:/back', null],
  ['cursor://anysphere.cursor-mcp/oauth/callback', null],
  ['http://127.0.0.1:8080/back', null],
  ['http://[::1]/back', null],
  ['http://localhost/back', null],
  ['not an address', undefined],
])('a redirect to %s leads to %s', (uri, host) => {
  expect(redirectHostOf(uri)).toBe(host);
});

it('an application with several leads to all their places, each named once', () => {
  const uris = ['https://b.example/1', 'https://a.example/', 'https://b.example/2', 'com.app:/'];
  expect(redirectPlacesOf(uris)).toEqual({
    redirectHosts: ['b.example', 'a.example'],
    redirectsToDevice: true,
  });
  expect(redirectPlacesOf(uris.slice(0, 1))).toEqual({
    redirectHosts: ['b.example'],
    redirectsToDevice: false,
  });
  expect(redirectPlacesOf([])).toEqual({ redirectHosts: [], redirectsToDevice: false });
});
