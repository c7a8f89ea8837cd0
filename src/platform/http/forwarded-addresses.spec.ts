import { expect, it } from 'vitest';
import { withoutPorts } from './forwarded-addresses.js';

it.each([
  ['192.0.2.1:1234', '192.0.2.1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['[2001:DB8::1]', '2001:DB8::1'],
  ['[::ffff:192.0.2.1]:80', '::ffff:192.0.2.1'],
  ['192.0.2.1:1, [2001:db8::1]:2 ,10.0.0.1:3,10.0.0.2', '192.0.2.1,2001:db8::1,10.0.0.1,10.0.0.2'],
])('%s: %s', (header, expected) => {
  expect(withoutPorts(header)).toBe(expected);
});

it.each([
  '192.0.2.1',
  '2001:db8::1',
  '::ffff:192.0.2.1',
  '10.0.0.1, 10.0.0.2',
  'unknown',
  '',
  '[x]:1',
  '1.2.3:4',
  'a:1',
])('%s stays as it is', (header) => {
  expect(withoutPorts(header)).toBe(header);
});
