import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { securityCases } from '../cases/case.catalogue.js';
import { findCaseTests, renderCaseTables } from '../cases/case.table.js';

const path = new URL('../../docs/security.md', import.meta.url);
const start = '<!-- cases:start -->';
const end = '<!-- cases:end -->';
const known = Object.values(securityCases).flatMap((cases) => cases.map(({ id }) => id));

describe('the cases of docs/security.md', () => {
  it('are what the catalogue has; `npx vitest run test/docs/security-cases.spec.ts -u` writes them', async () => {
    const document = readFileSync(path, 'utf8');
    const [before = '', rest = ''] = document.split(start);
    const [, after = ''] = rest.split(end);
    expect(after).not.toBe('');
    const tables = (await format(renderCaseTables(), { parser: 'markdown' })).trim();
    await expect(`${before}${start}\n\n${tables}\n\n${end}${after}`).toMatchFileSnapshot(fileURLToPath(path));
  });

  it('have a source and a test each, and no test names another', () => {
    const tests = findCaseTests();
    expect(known.filter((id) => !tests.has(id))).toEqual([]);
    expect([...tests.keys()].filter((id) => !known.includes(id))).toEqual([]);
    const cases = Object.values(securityCases).flat();
    expect(cases.filter(({ sources }) => sources.length === 0)).toEqual([]);
  });
});
