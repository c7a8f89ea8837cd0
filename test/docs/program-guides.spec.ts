import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { redirectUriFault } from '../../src/auth-strategy/redirect-uri.js';
import { programs } from '../../src/features/applications/program.catalogue.js';
import { guidesOf, renderProgramDocs } from '../../src/features/applications/program.docs.js';

const guides = guidesOf(
  readFileSync(new URL('../../examples/programs/catalogue.json', import.meta.url), 'utf8'),
);
const page = renderProgramDocs(guides);

it('there are guides for 30 programs and more, each once', () => {
  const names = [...programs, ...guides].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(guides.map(({ id }) => id)).size).toBe(guides.length);
  expect(names.length).toBeGreaterThanOrEqual(36);
  for (const name of names) {
    expect(page).toContain(`\n## ${name}\n`);
  }
});

it.each(guides)('$name has a redirect URI that can be registered, and all its values', (guide) => {
  expect(redirectUriFault(guide.redirectUri, guide.kind, 'https://auth.example.org')).toBeUndefined();
  const section = page.split(`\n## ${guide.name}\n`)[1]?.split('\n## ')[0] ?? '';
  expect(section).not.toMatch(/\{(?:issuer|discoveryUrl|clientId|secret|redirectUri|scope)\}/);
  expect(section).toContain('<client id>');
  expect(section).toContain('https://auth.example.org/');
  expect(section.includes('<secret>')).toBe(guide.kind === 'web');
  expect(section).toContain(
    guide.isRun ? `Tests run version ${guide.version}.` : `of version ${guide.version}; not run.`,
  );
});
