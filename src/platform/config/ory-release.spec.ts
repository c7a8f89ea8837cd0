import { expect, it } from 'vitest';
import { oryRelease } from './ory-release.js';

it.each([
  ['v25.4.0', 'Ory 25.4'],
  ['26.2.0', 'Ory 26.2'],
  ['v1.3.1', undefined],
  ['v2.3.0', undefined],
  ['26.2', undefined],
  ['126.2.0', undefined],
  [undefined, undefined],
])('%s is %s', (version, release) => {
  expect(oryRelease(version)).toBe(release);
});
