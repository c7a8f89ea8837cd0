import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseFlow } from '../flow.parser.js';
import { planForms } from './flow-plan.js';
import { hasSecondFactor, sectionsOf, showsCodes } from './settings-sections.js';

const sections = (name: string) => {
  const content: unknown = JSON.parse(
    readFileSync(new URL(`../../../test/support/recorded-flows/${name}.json`, import.meta.url), 'utf8'),
  );
  return sectionsOf(planForms('settings', parseFlow(content).ui.nodes));
};

describe('the sections of the settings', () => {
  it('each has its state', () => {
    const found = Object.fromEntries(sections('settings-saved').map(({ group, state }) => [group, state]));
    expect(found).toMatchObject({
      profile: 'none',
      password: 'none',
      totp: 'off',
      lookup_secret: 'off',
      passkey: 0,
    });
    expect(hasSecondFactor(sections('settings-saved'))).toBe(false);
  });

  it('new backup codes are known, to be shown above everything else', () => {
    expect(
      sections('settings-lookup')
        .filter(showsCodes)
        .map(({ group }) => group),
    ).toEqual(['lookup_secret']);
    expect(sections('settings-saved').filter(showsCodes)).toEqual([]);
  });
});
