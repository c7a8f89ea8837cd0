import { describe, expect, it } from 'vitest';
import { outsideEssential, securityCases } from '../cases/case.catalogue.js';
import { findCaseTests, renderCaseTables } from '../cases/case.table.js';
import { filesOfLane } from '../support/lane.files.js';
import { expectSections } from './marked.section.js';

const known = Object.values(securityCases).flatMap((cases) => cases.map(({ id }) => id));

/** In the catalogue's order. */
const byPlace = (a: string, b: string): number => known.indexOf(a) - known.indexOf(b);

describe('the cases of docs/internals/cases.md', () => {
  it('are what the catalogue has; `npx vitest run test/docs/security-cases.spec.ts -u` writes them', async () => {
    const essential = new Set(await filesOfLane('essential'));
    const reasons = Object.entries(outsideEssential).map(([reason, ids]) => `- ${ids.join(', ')}: ${reason}`);
    await expectSections('docs/internals/cases.md', {
      outside: reasons.join('\n'),
      cases: renderCaseTables(essential),
    });
  });

  it('have a source and a test each, and no test names another', () => {
    const tests = findCaseTests();
    expect(known.filter((id) => !tests.has(id))).toEqual([]);
    expect([...tests.keys()].filter((id) => !known.includes(id))).toEqual([]);
    const cases = Object.values(securityCases).flat();
    expect(cases.filter(({ sources }) => sources.length === 0)).toEqual([]);
  });

  it('each have a test in `npm test`, or a reason why not', async () => {
    const essential = new Set(await filesOfLane('essential'));
    const tests = findCaseTests();
    const isOutside = (id: string): boolean => !(tests.get(id) ?? []).some((file) => essential.has(file));
    expect(known.filter(isOutside)).toEqual(Object.values(outsideEssential).flat().toSorted(byPlace));
  });
});
