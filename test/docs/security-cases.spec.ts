import { describe, expect, it } from 'vitest';
import { securityCases } from '../cases/case.catalogue.js';
import { expectSections } from './marked.section.js';
import { findCaseTests, renderCaseTables } from '../cases/case.table.js';

const known = Object.values(securityCases).flatMap((cases) => cases.map(({ id }) => id));

describe('the cases of docs/internals/cases.md', () => {
  it('are what the catalogue has; `npx vitest run test/docs/security-cases.spec.ts -u` writes them', async () => {
    await expectSections('docs/internals/cases.md', { cases: renderCaseTables() });
  });

  it('have a source and a test each, and no test names another', () => {
    const tests = findCaseTests();
    expect(known.filter((id) => !tests.has(id))).toEqual([]);
    expect([...tests.keys()].filter((id) => !known.includes(id))).toEqual([]);
    const cases = Object.values(securityCases).flat();
    expect(cases.filter(({ sources }) => sources.length === 0)).toEqual([]);
  });
});
