import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

/** Words as `wc -w` counts them. */
const wordsOf = (path: string): number =>
  readFileSync(new URL(path, root), 'utf8').trim().split(/\s+/).length;

it('the README has 1,100 words at most', () => {
  expect(wordsOf('README.md')).toBeLessThanOrEqual(1100);
});

it('the pages for users have 30,000 words at most: what only its makers need is in docs/internals', () => {
  const pages = readdirSync(new URL('docs/', root)).filter((name) => name.endsWith('.md'));
  expect(pages.length).toBeGreaterThan(15);
  const words = pages.map((name) => wordsOf(`docs/${name}`)).reduce((sum, count) => sum + count, 0);
  expect(words).toBeLessThanOrEqual(30_000);
});
