import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkOf, plainAddress } from './limit-keys.js';

describe('what an address is counted as', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:C000:207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
  ])('%s: %s', (address, expected) => {
    expect(networkOf(address)).toBe(expected);
  });

  it.each([
    undefined,
    '',
    'unix',
    '1.2.3',
    '192.0.2.7, 192.0.2.8',
    '[::1]',
    '2001:db8::/32',
    '::ffff:1.2.3.4.5',
  ])('%s is no address: all of these count together', (address) => {
    expect(networkOf(address)).toBe('unknown');
    expect(plainAddress(address)).toBeUndefined();
  });

  it('any two addresses of a /64 are one, those of two are two; mapped IPv4 is IPv4', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const half = fc.array(group, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(half, half, half, half, (network, other, first, second) => {
        fc.pre(network.some((part) => part !== '0') && other.some((part) => part !== '0'));
        const at = (top: string[], host: string[]): string => networkOf([...top, ...host].join(':'));
        expect(at(network, first)).toBe(at(network, second).toLowerCase());
        expect(at(network, first) === at(other, first)).toBe(network.join() === other.join());
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(networkOf(`::ffff:${address}`)).toBe(networkOf(address));
      }),
    );
  });
});
