import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectSections } from './marked.section.js';

const root = new URL('../../', import.meta.url);
const folder = 'test/journeys';

const files = readdirSync(new URL(`${folder}/`, root)).filter((name) => name.endsWith('.spec.ts'));

/** What the tests of a journey's file are called. */
function titlesOf(file: string): string[] {
  const source = readFileSync(new URL(`${folder}/${file}`, root), 'utf8');
  return [...source.matchAll(/^ *it\(\s*(?<quote>['"])(?<title>.*)\k<quote>,/gm)].map(
    ({ groups = {} }) => groups['title'] ?? '',
  );
}

it('the journeys are listed first on the page for contributors; `npx vitest run test/docs/journeys.spec.ts -u` writes it', async () => {
  expect(files.length).toBeGreaterThan(15);
  const entries = files.toSorted().map((file) => {
    const titles = titlesOf(file).map((title) => title.replace(/ \[[A-Z]\d+\]$/, ''));
    expect([file, titles.length]).not.toEqual([file, 0]);
    return `- [${file.replace('.spec.ts', '')}](${folder}/${file}): ${titles.join('; ')}`;
  });
  await expectSections('CONTRIBUTING.md', { journeys: entries.join('\n') });
  const document = readFileSync(new URL('CONTRIBUTING.md', root), 'utf8');
  expect(document.indexOf('<!-- journeys:start -->')).toBeLessThan(document.indexOf('## How the code reads'));
});
