import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PasswordPolicy } from './password.policy.js';
import { cpuTime } from '../../../test/support/timed.js';

const policy = new PasswordPolicy({ minimumLength: 8, brand: ['Analytical Engines', 'auth.example.org'] });
const ada = ['ada.lovelace@poetry.example', 'Ada Lovelace'];

describe('passwords that are refused', () => {
  it.each([
    ['password', 'common'],
    ['Password', 'common'],
    ['ｐａｓｓｗｏｒｄ', 'common'],
    ['12345678', 'common'],
    ['password123', 'common'],
    ['password2024!', 'common'],
    ['pass word', 'common'],
    ['qwertyuiop', 'common'],
    ['Passwort123', 'common'],
    ['Summer2026!', 'common'],
    ['qwertyuiopas', 'guessable'],
    ['098765432109', 'guessable'],
    ['aaaaaaaaaaaa', 'guessable'],
    ['abcdefghijkl', 'guessable'],
    ['trustno1trustno1', 'guessable'],
    ['p4$$w0rdp4$$w0rd', 'guessable'],
    ['a'.repeat(70), 'guessable'],
    ['Analytical Engines', 'brand'],
    ['analyticalengines2026', 'brand'],
    ['engines-analytical', 'brand'],
    ['ada.lovelace@poetry.example', 'own'],
    ['Lovelace-Ada-1815', 'own'],
    ['poetry-lovelace!', 'own'],
    ['xK9#v', 'short'],
    ['🐎🔋📎🖇', 'short'],
  ])('%s: %s', async (password, fault) => {
    expect(await policy.check(password, ada)).toMatchObject({ fault });
  });
});

it.each([
  'correct horse battery',
  'Lovelace wrote about an engine',
  'xK9#vQ2m!T',
  'Straßenbahn im Regen',
  'schreibmaschine ohne papier',
  '🐎🔋📎🖇️ vier bilder',
  // Long and good at one end.
  `${'a'.repeat(40)} tram in the heavy rain`,
])('takes %s', async (password) => {
  expect(await policy.check(password, ada)).toBeUndefined();
});

it('says what would be better', async () => {
  expect(await policy.check('098765432109', [])).toEqual({ fault: 'guessable', advice: ['spelling'] });
  expect((await policy.check('abcdefghijkl', []))?.advice).toEqual(['sequence']);
  expect((await policy.check('trustno1trustno1', []))?.advice).toEqual(['repeat']);
});

it('takes an account without a name', async () => {
  expect(await policy.check('correct horse battery', ['', 'a@b.c'])).toBeUndefined();
});

it('takes at most a few hundred milliseconds for what is made to take long [W27]', async () => {
  const milliseconds = await cpuTime(async () => {
    for (const part of ['p4$$w0rd!@', '1!|aE3$5sS', '4@8({[</369&#!', '1122334455']) {
      await policy.check(part.repeat(1000), ada);
    }
    // As much as a form can hold.
    await policy.check(`a${'1'.repeat(65_000)}a`, ada);
    await policy.check('correct horse battery', ['ab cd ef '.repeat(7000)]);
    await policy.check(
      'correct horse battery',
      Array.from({ length: 5000 }, (_, index) => `name${index}`),
    );
  });
  expect(milliseconds).toBeLessThan(4 * 2000);
});

describe("an operator's own files of breached passwords", () => {
  let folder: string;
  let breached: PasswordPolicy;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vestibule-breached-'));
    breached = new PasswordPolicy({ minimumLength: 10, brand: [], breachedFolder: folder });
    const lines = (hash: string, count: number): string =>
      [`${'0'.repeat(35)}:3`, `${hash.slice(5)}:${count}`, `${'F'.repeat(35)}:1`].join('\r\n');
    const [found, padded, bare] = ['tram in the rain', 'rain on the tram', 'on the rain tram'].map(sha1);
    await writeFile(join(folder, `${found?.slice(0, 5)}.txt`), lines(found ?? '', 12));
    await writeFile(join(folder, `${padded?.slice(0, 5)}.txt`), lines(padded ?? '', 0));
    await writeFile(join(folder, bare?.slice(0, 5) ?? ''), lines(bare ?? '', 1));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it.each(['tram in the rain', 'on the rain tram'])('refuses %s, which is in them', async (password) => {
    expect(await breached.check(password, [])).toMatchObject({ fault: 'breached' });
  });

  it.each(['rain on the tram', 'no file has this one'])('takes %s, which is not', async (password) => {
    expect(await breached.check(password, [])).toBeUndefined();
  });
});

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex').toUpperCase();
}
