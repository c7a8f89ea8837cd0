import { describe, expect, it } from 'vitest';
import { isNativeApp } from './hydra-clients.js';

const publicUrl = 'https://auth.example.org';

describe('a public client is a native application', () => {
  it.each([
    'http://127.0.0.1/callback',
    'http://127.0.0.1:8080/callback',
    'http://127.1.2.3/callback',
    'http://[::1]:1/callback',
    'http://localhost/callback',
    'http://app.localhost:3000/',
    'https://localhost:3000/callback',
    'com.example.app:/callback',
    'no address',
  ])('with %s', (uri) => {
    expect(isNativeApp({ token_endpoint_auth_method: 'none', redirect_uris: [uri] }, publicUrl)).toBe(true);
    const mixed = ['https://app.example.org/callback', uri];
    expect(isNativeApp({ token_endpoint_auth_method: 'none', redirect_uris: mixed }, publicUrl)).toBe(true);
    expect(
      isNativeApp({ token_endpoint_auth_method: 'client_secret_basic', redirect_uris: [uri] }, publicUrl),
    ).toBe(false);
  });

  it('but not with web sites, or the gateway itself on the name of this machine', () => {
    const of = (uri: string, origin: string): boolean =>
      isNativeApp({ token_endpoint_auth_method: 'none', redirect_uris: [uri] }, origin);
    expect(of('https://app.example.org/callback', publicUrl)).toBe(false);
    expect(of('https://notlocalhost/callback', publicUrl)).toBe(false);
    expect(of('http://localhost:3000/demo', 'http://localhost:3000')).toBe(false);
    expect(of('http://localhost:3001/demo', 'http://localhost:3000')).toBe(true);
    // Hydra accepts any port of a numeric loopback address, whatever was registered.
    expect(of('http://127.0.0.1:3000/demo', 'http://127.0.0.1:3000')).toBe(true);
  });
});
