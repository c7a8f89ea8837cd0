import { describe, expect, it } from 'vitest';
import { addressRanges } from './address-ranges.js';

describe('addressRanges', () => {
  const isInside = addressRanges(['192.0.2.7', '2001:db8::/32', 'loopback', '10.0.0.0/8']);

  it.each([
    '192.0.2.7',
    '::ffff:192.0.2.7',
    '2001:db8::5',
    '127.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '10.9.8.7',
  ])('takes %s', (address) => expect(isInside(address)).toBe(true));

  it.each(['192.0.2.8', '2001:db9::5', '11.0.0.1', '::ffff:11.0.0.1', 'localhost', '', undefined])(
    'does not take %s',
    (address) => expect(isInside(address)).toBe(false),
  );

  it('takes all of a family by a prefix of 0', () => {
    expect(addressRanges(['0.0.0.0/0'])('203.0.113.9')).toBe(true);
    expect(addressRanges(['0.0.0.0/0'])('2001:db8::1')).toBe(false);
    expect(addressRanges(['::/0'])('2001:db8::1')).toBe(true);
  });

  it('knows the names of ranges that Fastify knows', () => {
    expect(addressRanges(['uniquelocal'])('172.16.5.4')).toBe(true);
    expect(addressRanges(['uniquelocal'])('fd12::1')).toBe(true);
    expect(addressRanges(['linklocal'])('fe80::1%eth0')).toBe(true);
    expect(addressRanges(['linklocal'])('10.0.0.1')).toBe(false);
    expect(addressRanges([])('127.0.0.1')).toBe(false);
  });
});
