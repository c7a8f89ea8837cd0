import { expect, it } from 'vitest';
import { hydraPages } from './hydra.pages.js';

/** A list whose pages are too large with more than so many entries. */
function listOf(length: number, readable: number) {
  const entries = Array.from({ length }, (_, index) => index);
  const sizes: number[] = [];
  const read = async (size: number, position = 0) => {
    sizes.push(size);
    const page = entries.slice(position, position + size);
    const next = page.length < size ? undefined : position + size;
    return page.length > readable ? ('too_large' as const) : { entries: page, next };
  };
  return { entries, sizes, read };
}

const all = async (pages: AsyncIterable<readonly number[]>): Promise<number[]> => {
  const found: number[] = [];
  for await (const page of pages) {
    found.push(...page);
  }
  return found;
};

it('a list is read to its end, each entry once', async () => {
  const list = listOf(25, 10);
  expect(await all(hydraPages(10, list.read))).toEqual(list.entries);
  expect(list.sizes).toEqual([10, 10, 10]);
});

it('a page that is too large is read in halves', async () => {
  const list = listOf(7, 2);
  expect(await all(hydraPages(10, list.read))).toEqual(list.entries);
  expect(list.sizes).toEqual([10, 5, 2, 2, 2, 2]);
});

it('an entry that is too large by itself is the provider’s failure', async () => {
  await expect(all(hydraPages(10, listOf(3, 0).read))).rejects.toMatchObject({
    code: 'provider_unavailable',
    reason: 'hydra_answer_too_large',
  });
});
