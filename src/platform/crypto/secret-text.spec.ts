import { expect, it } from 'vitest';
import { isSameText } from './secret-text.js';

it('texts are the same or they are not', () => {
  expect([isSameText('ab', 'ab'), isSameText('ab', 'ac'), isSameText('ab', 'abc')]).toEqual([
    true,
    false,
    false,
  ]);
});
