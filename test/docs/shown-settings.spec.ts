import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, inject, it } from 'vitest';
import { socialProviders } from '../../src/platform/config/social-providers.parser.js';
import { readLocale } from '../../src/platform/i18n/locale-file.js';
import { blockRunBy } from '../support/document.blocks.js';

const spec = 'test/docs/shown-settings.spec.ts';
const folder = mkdtempSync(join(tmpdir(), 'vestibule-shown-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the language file of docs/languages.md is taken', () => {
  const path = join(folder, 'fr.json');
  writeFileSync(path, blockRunBy('docs/languages.md', spec));
  expect(readLocale(path).get('welcome.title')).toBe('Bienvenue');
});

it('the third-party login of docs/social-logins.md is taken', () => {
  expect(socialProviders.parse(blockRunBy('docs/social-logins.md', spec))).toMatchObject([{ id: 'google' }]);
});

it('the line for nginx of docs/observability.md is taken by nginx', () => {
  const path = join(folder, 'nginx.conf');
  const server = `server { listen unix:${join(folder, 'socket')}; ${blockRunBy('docs/observability.md', spec)} }`;
  writeFileSync(
    path,
    `pid ${join(folder, 'pid')}; error_log stderr; events {} http { access_log off; ${server} }`,
  );
  const check = () =>
    execFileSync(inject('nginxPath'), ['-t', '-e', 'stderr', '-p', folder, '-c', path], { stdio: 'pipe' });
  expect(check).not.toThrow();
});
