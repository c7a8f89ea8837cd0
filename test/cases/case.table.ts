import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rowOf, rowTitles } from '../support/contract.table.js';
import { securityCases } from './case.catalogue.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The end of a title: one id or more, before the quote. */
const tagged = /((?: \[[A-Z]\d{2}\])+)['"`]/g;

/** Spec files by the id that a title in them carries, in order; from the repository's root. */
export function findCaseTests(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  const note = (id: string, file: string): void => {
    found.set(id, (found.get(id) ?? new Set()).add(file));
  };
  for (const file of specFiles()) {
    for (const [, ids = ''] of readFileSync(join(root, file), 'utf8').matchAll(tagged)) {
      ids.match(/[A-Z]\d{2}/g)?.forEach((id) => note(id, file));
    }
  }
  for (const { spec, cases = [] } of rowTitles.map(rowOf)) {
    cases.forEach((id) => note(id, `test/contract/strategy/${spec}.spec.ts`));
  }
  return new Map([...found].map(([id, files]) => [id, [...files].toSorted()]));
}

/** The tables of docs/internals/cases.md, not yet laid out. @param essential the files of `npm test`. */
export function renderCaseTables(essential: ReadonlySet<string>): string {
  const tests = findCaseTests();
  return Object.entries(securityCases)
    .map(([section, cases]) => {
      const rows = cases.map(({ id, sent, outcome, sources }) => [
        id,
        sent,
        outcome,
        sources.join('; '),
        (tests.get(id) ?? []).map((file) => linkTo(file, essential.has(file))).join(', '),
      ]);
      const header = ['Id', 'What is sent', 'Safe outcome', 'Source', 'Tests'];
      const lines = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
      return [`### ${section}`, '', ...lines].join('\n');
    })
    .join('\n\n');
}

function specFiles(): string[] {
  return ['src', 'test']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(folder, name),
      ),
    )
    .filter((name) => /\.spec\.tsx?$/.test(name))
    .toSorted();
}

function linkTo(file: string, isEssential: boolean): string {
  const link = `[${file.replace(/^.*\//, '').replace(/\.spec\.tsx?$/, '')}](../../${file})`;
  return isEssential ? link : `${link} (all)`;
}
