import { expect, it } from 'vitest';
import { isLoopbackHost } from './loopback.js';

it.each(['localhost', 'app.localhost', 'a.b.localhost', '127.0.0.1', '127.8.8.8', '[::1]'])(
  '%s is loopback',
  (name) => {
    expect(isLoopbackHost(name)).toBe(true);
  },
);

it.each([
  '127.evil.example',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  'notlocalhost',
  '.localhost',
  '128.0.0.1',
  '127.0.0',
  '10.0.0.1',
  '[::2]',
  '',
])('%j is not loopback', (name) => {
  expect(isLoopbackHost(name)).toBe(false);
});
