import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

/** Words as `wc -w` counts them. */
const wordsOf = (path: string): number =>
  readFileSync(new URL(path, root), 'utf8').trim().split(/\s+/).length;

it('the README has 1,100 words at most', () => {
  expect(wordsOf('README.md')).toBeLessThanOrEqual(1100);
});

it.each([
  ['connections', 2455],
  ['operations', 1919],
  ['production', 2148],
  ['security', 2065],
])('%s.md has half of the words that readers found too many: %i', (page, most) => {
  expect(wordsOf(`docs/${page}.md`)).toBeLessThanOrEqual(most);
});

it('the pages for users have 31,200 words at most: what only its makers need is in docs/internals', () => {
  const pages = readdirSync(new URL('docs/', root)).filter((name) => name.endsWith('.md'));
  expect(pages.length).toBeGreaterThan(15);
  const words = pages.map((name) => wordsOf(`docs/${name}`)).reduce((sum, count) => sum + count, 0);
  expect(words).toBeLessThanOrEqual(31_200);
});
