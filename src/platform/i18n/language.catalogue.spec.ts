import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownFeatures } from '../../app/features.js';
import { problemsWith } from '../errors/problem.catalogue.js';
import { LanguageCatalogue } from './language.catalogue.js';
import { LocaleFileError, readLocale } from './locale-file.js';
import { english } from './locales/en.js';
import { cpuTime } from '../../../test/support/timed.js';

const builtIn = new LanguageCatalogue({ LOCALES_DIR: undefined, DEFAULT_LANGUAGE: 'en' });
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-locales-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The catalogue of an operator who has these files. */
async function catalogueOf(files: Readonly<Record<string, unknown>>, standard = 'en') {
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return new LanguageCatalogue({ LOCALES_DIR: folder, DEFAULT_LANGUAGE: standard });
}

describe('our own languages', () => {
  const german = readLocale(fileURLToPath(new URL('locales/de.json', import.meta.url)));

  it('German has every text, and the title of every problem', () => {
    expect(Object.keys(english).filter((key) => !german.has(key))).toEqual([]);
    const titles = problemsWith([]).map(({ code }) => `problem.${code}.title`);
    expect(titles.filter((key) => !german.has(key))).toEqual([]);
    const ofFeatures = problemsWith(ownFeatures).slice(titles.length);
    expect(ofFeatures.length).toBeGreaterThan(0);
    expect(ofFeatures.filter(({ titles: own = {} }) => own['de'] === undefined)).toEqual([]);
  });

  it('users read of a second step, which the API and the docs call a second factor', () => {
    const other =
      /two.?step|two.?factor|second.?factor|2fa|zwei schritt|zweistufig|zwei.?faktor|zweite\w* faktor/i;
    const ofFeatures = ownFeatures.flatMap(({ texts: own }) =>
      [own?.en ?? {}, ...Object.values(own?.translations ?? {})].flatMap((each) => Object.entries(each)),
    );
    expect(ofFeatures.length).toBeGreaterThan(20);
    const texts = [...Object.entries(english), ...german, ...ofFeatures].filter(
      ([, text]) => text !== undefined && other.test(text),
    );
    expect(texts.map(([key]) => key)).toEqual([]);
  });

  it('every English text is a message that can be read', async () => {
    await writeFile(join(folder, 'en.json'), JSON.stringify(english));
    expect(readLocale(join(folder, 'en.json')).size).toBe(Object.keys(english).length);
  });
});

describe('a name that ends with a full stop', () => {
  const { english: texts } = builtIn;

  it('brings that of the sentence along', () => {
    const values = { inviter: 'Ada', org: 'Acme Ltd.' };
    expect(texts.text('invites.banner', values)).toBe('Ada invites you to join Acme Ltd.');
    expect(texts.rich('invites.banner', values)).toBe('Ada invites you to join Acme Ltd.');
    expect(texts.find('invites.banner', values)).toBe('Ada invites you to join Acme Ltd.');
  });

  it('stays as it is within a sentence, and before another mark', () => {
    expect(texts.text('invites.question.title', { org: 'Acme Ltd.' })).toBe('Join Acme Ltd.?');
    expect(texts.text('invites.banner', { inviter: 'Ada L.', org: 'Acme' })).toBe(
      'Ada L. invites you to join Acme.',
    );
  });
});

describe('the language of a request', () => {
  it.each([
    ['de', 'de'],
    ['de-AT,de;q=0.9,en;q=0.5', 'de'],
    ['fr,de;q=0.5', 'de'],
    ['fr', 'en'],
    ['en-US,de;q=0.5', 'en'],
    ['de;q=0', 'en'],
    ['*', 'en'],
    ['', 'en'],
    [undefined, 'en'],
    ['../../etc, ;;q=x, 99999', 'en'],
    ['x'.repeat(8000), 'en'],
  ])('%s → %s', (accepted, tag) => {
    expect(builtIn.of(accepted).tag).toBe(tag);
  });

  it('is one that there is, whatever the header says, and soon', async () => {
    const range = fc.oneof(
      fc.constantFrom('de', 'DE-at', 'en', '*', '*-x', '__proto__', 'constructor', '', '-', 'de;q=0'),
      fc.string({ unit: 'binary' }),
    );
    const quality = fc.constantFrom(
      '',
      ';q=1',
      ';q=0',
      ';q=',
      ';q=1e9',
      ';q=-1',
      ';;',
      ';q=0.5;q=x',
      ' ; q = 0.1',
    );
    const header = fc
      .array(fc.tuple(range, quality), { maxLength: 8 })
      .map((parts) => parts.map((part) => part.join('')).join(','));
    fc.assert(
      fc.property(header, (accepted) => {
        expect(builtIn.tags).toContain(builtIn.of(accepted).tag);
      }),
      { numRuns: 1000 },
    );
    const milliseconds = await cpuTime(() => {
      for (const part of [',', ';', ' ', '-', 'de,', 'q=', '*']) {
        builtIn.of(part.repeat(16_384 / part.length));
      }
    });
    expect(milliseconds).toBeLessThan(2000);
  });

  it('is DEFAULT_LANGUAGE for anyone who asks for none that there is', async () => {
    const catalogue = await catalogueOf({}, 'de');
    for (const accepted of [undefined, '*', 'fr']) {
      expect(catalogue.of(accepted).text('site.logIn')).toBe('Anmelden');
    }
    expect(catalogue.of('en').text('site.logIn')).toBe('Log in');
  });
});

describe('files of an operator', () => {
  it('add a language; what it lacks is English', async () => {
    const catalogue = await catalogueOf({ 'fr.json': { 'site.logIn': 'Se connecter' } });
    const french = catalogue.of('fr-CA,fr;q=0.9');
    expect(french.tag).toBe('fr');
    expect(french.text('site.logIn')).toBe('Se connecter');
    expect(french.text('site.signUp')).toBe('Sign up');
    expect(catalogue.tags).toEqual(['en', 'de', 'fr']);
  });

  it('change our words, for a region also', async () => {
    const catalogue = await catalogueOf({
      'en.json': { 'welcome.title': 'Hello at Acme' },
      'de-CH.json': { 'site.logOut': 'Ausloggen' },
    });
    expect(catalogue.of('en').text('welcome.title')).toBe('Hello at Acme');
    expect(catalogue.of('de-CH').text('site.logOut')).toBe('Ausloggen');
    expect(catalogue.of('de-CH').text('site.logIn')).toBe('Anmelden');
    expect(catalogue.of('de').text('site.logOut')).toBe('Abmelden');
  });

  it('take Kratos’ messages by id, and plurals of the language', async () => {
    const text = '{count, plural, one {# wynik} few {# wyniki} other {# wyników}}';
    const catalogue = await catalogueOf({ 'pl.json': { 'kratos.4999999': text } });
    const { find } = catalogue.of('pl');
    expect([1, 3, 5].map((count) => find('kratos.4999999', { count }))).toEqual([
      '1 wynik',
      '3 wyniki',
      '5 wyników',
    ]);
    expect(find('kratos.4999999')).toBeUndefined();
    expect(find('kratos.1')).toBeUndefined();
  });

  it.each([
    ['fr.json', 'no JSON', 'fr.json is not a JSON object of texts by key'],
    ['fr.json', { 'site.logIn': 7 }, 'fr.json is not a JSON object of texts by key'],
    ['fr.json', { 'site.nothing': 'x' }, 'fr.json: there is no text "site.nothing"'],
    ['fr.json', { 'site.logIn': 'un {' }, 'fr.json: "site.logIn" is not an ICU message'],
    ['fr.json', { 'site.logIn': 'un {nom}' }, "uses {nom}, which this text doesn't get"],
    ['fr.json', { 'site.logIn': '<b>un</b>' }, "uses {b}, which this text doesn't get"],
    ['français.json', {}, 'is not named by a language tag'],
  ])('%s with %j is refused at the start, by its name', async (name, content, message) => {
    await expect(catalogueOf({ [name]: content })).rejects.toThrow(message);
    await expect(catalogueOf({ [name]: content })).rejects.toThrow(LocaleFileError);
  });

  it('a folder that is not there, and a default language without texts, are refused', async () => {
    expect(
      () => new LanguageCatalogue({ LOCALES_DIR: join(folder, 'none'), DEFAULT_LANGUAGE: 'en' }),
    ).toThrow('LOCALES_DIR');
    await expect(catalogueOf({}, 'fr')).rejects.toThrow('DEFAULT_LANGUAGE: there are no texts for fr');
  });
});

describe('a list of languages that an application asks for', () => {
  it.each([
    [['de'], 'de'],
    [['DE-de'], 'de'],
    [['fr-CA', 'de-CH-1996', 'en'], 'de-CH'],
    [['de-AT', 'en'], 'de'],
    [['en-GB'], 'en'],
    [['', 'no tag', '../de', '*', 'de'], 'de'],
    [['fr'], undefined],
    [[], undefined],
    [['d'.repeat(100_000)], undefined],
    [[...Array.from({ length: 15 }, () => 'fr'), 'de'], 'de'],
    [[...Array.from({ length: 16 }, () => 'fr'), 'de'], undefined],
    [['__proto__', 'constructor'], undefined],
  ])('%#: the first that there are texts for', async (locales, tag) => {
    const catalogue = await catalogueOf({ 'de-CH.json': { 'site.logOut': 'Ausloggen' } });
    expect(catalogue.preferred(locales)?.tag).toBe(tag);
  });
});
