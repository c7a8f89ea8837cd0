import { describe, expect, it } from 'vitest';
import { isSocketAddress, serviceAddress } from './service-address.js';

describe('an address of an HTTP API', () => {
  it.each([
    ['http://kratos:4434', undefined, 'http://kratos:4434/', 'http://kratos:4434'],
    ['https://kratos:4434/admin/x?y=1', undefined, 'https://kratos:4434/admin/x?y=1', 'https://kratos:4434'],
    ['unix:/data/k.sock', '/data/k.sock', 'http://localhost/', 'unix:/data/k.sock'],
    ['unix:/data/k.sock/admin/x?y=1', '/data/k.sock', 'http://localhost/admin/x?y=1', 'unix:/data/k.sock'],
    [
      'unix:/a.sock/b #?%/k.sock/admin',
      '/a.sock/b #?%/k.sock',
      'http://localhost/admin',
      'unix:/a.sock/b #?%/k.sock',
    ],
  ])('%s', (address, socketPath, href, origin) => {
    const { url, ...rest } = serviceAddress(address);
    expect({ href: url.href, ...rest }).toEqual({ href, socketPath, origin });
    expect(isSocketAddress(address)).toBe(socketPath !== undefined);
  });

  it.each(['unix:k.sock', 'unix:/data/k', 'unix:', 'data/k.sock', 'http://[', ''])(
    '%j is none of a socket',
    (address) => {
      expect(isSocketAddress(address)).toBe(false);
    },
  );
});
