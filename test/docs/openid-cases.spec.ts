import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openidCases } from '../cases/openid.catalogue.js';
import { libraries } from '../support/trial.app.js';
import { expectSections } from './marked.section.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = 'docs/internals/openid-cases.md';

/** The spec files that have a test of each case, whose title names it in brackets. */
function findTests(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const names = ['test', 'src'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  );
  for (const name of names) {
    if (name.endsWith('.spec.ts') && !name.includes('node_modules')) {
      const source = readFileSync(join(root, name), 'utf8');
      const ids = new Set(
        [...source.matchAll(/ \[((?:oidcc|openid-ssf)-[\w-]+)\]/g)].map(([, id = '']) => id),
      );
      ids.forEach((id) => found.set(id, [...(found.get(id) ?? []), name]));
    }
  }
  return found;
}

const tests = findTests();
const cases = Object.values(openidCases).flat();

it('the page lists every case of the catalogue; `npx vitest run test/docs/openid-cases.spec.ts -u` writes it', async () => {
  const tables = Object.entries(openidCases).map(([profile, ofProfile]) => {
    const rows = ofProfile.map(({ id, what, note = '', isRun }) => {
      const files = (tests.get(id) ?? []).map((file) => `[${file.split('/').at(-1)}](../../${file})`);
      return [id, what, isRun ? files.join(', ') : 'not run', note];
    });
    const header = ['Case', 'What it checks', 'Test', 'Note'];
    const lines = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
    return [`### ${profile}`, '', ...lines].join('\n');
  });
  await expectSections(page, { cases: tables.join('\n\n') });
});

it('a case that is run has a test, one that is not has none, and no test names another', () => {
  const isTested = ({ id }: { readonly id: string }): boolean => tests.has(id);
  expect(cases.filter((entry) => entry.isRun && !isTested(entry)).map(({ id }) => id)).toEqual([]);
  expect(cases.filter((entry) => !entry.isRun && isTested(entry)).map(({ id }) => id)).toEqual([]);
  const known = new Set(cases.map(({ id }) => id));
  expect([...tests.keys()].filter((id) => !known.has(id))).toEqual([]);
  expect(cases.filter(({ isRun, note }) => !isRun && (note ?? '') === '')).toEqual([]);
});

it('the page names the libraries that ran them', () => {
  const text = readFileSync(join(root, page), 'utf8');
  expect(libraries.filter((name) => !text.includes(name))).toEqual([]);
});
