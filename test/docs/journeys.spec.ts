import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { expectSections } from './marked.section.js';

const root = new URL('../../', import.meta.url);

/** Of the whole program, and of features. */
const files = ['test', 'src/features']
  .flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name}`,
    ),
  )
  .filter((name) => /\/journeys\/.*\.spec\.ts$/.test(name))
  .toSorted((a, b) => basename(a).localeCompare(basename(b)));

/** What the tests of a journey's file are called. */
function titlesOf(file: string): string[] {
  const source = readFileSync(new URL(file, root), 'utf8');
  return [...source.matchAll(/^ *it\(\s*(?<quote>['"])(?<title>.*)\k<quote>,/gm)].map(
    ({ groups = {} }) => groups['title'] ?? '',
  );
}

it('the journeys are listed on the page for contributors, before how the code reads; `npx vitest run test/docs/journeys.spec.ts -u` writes it', async () => {
  expect(files.length).toBeGreaterThan(15);
  const entries = files.map((file) => {
    const titles = titlesOf(file).map((title) => title.replace(/ \[[A-Z]\d+\]$/, ''));
    expect([file, titles.length]).not.toEqual([file, 0]);
    return `- [${basename(file, '.spec.ts')}](${file}): ${titles.join('; ')}`;
  });
  await expectSections('CONTRIBUTING.md', { journeys: entries.join('\n') });
  const document = readFileSync(new URL('CONTRIBUTING.md', root), 'utf8');
  expect(document.indexOf('<!-- journeys:start -->')).toBeLessThan(document.indexOf('## How the code reads'));
});
