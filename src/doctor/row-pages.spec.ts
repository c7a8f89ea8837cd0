import { expect, it } from 'vitest';
import { rowPages } from './row-pages.js';

it.each([
  { keys: [], pages: [[]] },
  { keys: ['a'], pages: [['a']] },
  { keys: ['a', 'b'], pages: [['a', 'b'], []] },
  { keys: ['a', 'b', 'c'], pages: [['a', 'b'], ['c']] },
])('$keys are read two at a time, each once', async ({ keys, pages }) => {
  const read = async (after: string) => keys.filter((key) => key > after).slice(0, 2);
  const seen: (readonly string[])[] = [];
  for await (const page of rowPages(2, read, (key) => key)) {
    seen.push(page);
  }
  expect(seen).toEqual(pages);
});
