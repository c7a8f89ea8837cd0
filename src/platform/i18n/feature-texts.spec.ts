import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownFeatures } from '../../app/features.js';
import { newSecret, providerEnv } from '../../testing.js';
import { loadConfiguration } from '../config/configuration.js';
import { type Feature, defineFeature } from '../features/feature.js';
import { defineProblems } from '../errors/problem.catalogue.js';
import { defineAuditEvents } from '../features/audit-event.catalogue.js';
import { defineTexts } from './feature-texts.js';
import { LanguageCatalogue } from './language.catalogue.js';
import { readLocale } from './locale-file.js';

const texts = defineTexts(
  { 'billing.title': 'Bills', 'billing.sum': 'You owe {sum}.' },
  { de: { 'billing.title': 'Rechnungen' } },
);
const problems = defineProblems('billing', {
  unpaid: { status: 409, title: 'A bill is open', titles: { de: 'Eine Rechnung ist offen' }, remedy: 'Pay.' },
});
const auditEvents = defineAuditEvents('billing', { paid: { en: 'Bill paid', de: 'Rechnung bezahlt' } });
const billing = defineFeature({ name: 'billing', texts, problems, auditEvents });
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-texts-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The languages of a deployment with these features and an operator's French and German. */
function catalogueOf(
  features: readonly Feature[],
  file: Readonly<Record<string, string>> = {},
  otherFeatures: readonly Feature[] = [],
) {
  writeFileSync(join(folder, 'de.json'), JSON.stringify(file));
  return new LanguageCatalogue({
    LOCALES_DIR: folder,
    DEFAULT_LANGUAGE: 'en',
    features: features.map((feature) => ({ feature, settings: undefined })),
    otherFeatures,
  });
}

it('a feature has its own texts besides the core’s, by language; what is not translated is English', () => {
  const german = catalogueOf([billing]).of('de').with(texts);
  expect([german.text('billing.title'), german.text('billing.sum', { sum: '5 €' })]).toEqual([
    'Rechnungen',
    'You owe 5 €.',
  ]);
  expect(german.text('site.logIn')).toBe('Anmelden');
  expect(german.rich('billing.sum', { sum: '5 €' })).toBe('You owe 5 €.');
  // @ts-expect-error: a key that neither of them has.
  expect(german.text('billing.nothing')).toBe('billing.nothing');
});

it('an operator changes them, with their placeholders alone', () => {
  const changed = catalogueOf([billing], { 'billing.sum': 'Offen: {sum}' }).of('de').with(texts);
  expect(changed.text('billing.sum', { sum: '5 €' })).toBe('Offen: 5 €');
  expect(() => catalogueOf([billing], { 'billing.sum': 'Offen: {total}' })).toThrow('uses {total}');
  expect(() => catalogueOf([billing], { 'billing.nothing': 'x' })).toThrow(
    'there is no text "billing.nothing"',
  );
});

it('a file for 0.2.0 is read, whose keys have another name now', () => {
  const changed = catalogueOf(ownFeatures, {
    'cli.title': 'Anmeldung im Terminal',
    'admin.user.did': 'Taten',
    'admin.users': 'Leute',
    'orgs.error.eitherTaken': 'x',
  });
  const keys = ['commandLine.title', 'userAdministration.user.did', 'admin.users'];
  expect(keys.map((key) => changed.of('de').find(key))).toEqual(['Anmeldung im Terminal', 'Taten', 'Leute']);
  expect(() => catalogueOf(ownFeatures, { 'admin.user.done': 'x' })).toThrow('no text "admin.user.done"');
});

it('a problem of a feature has its title in other languages, which an operator changes', () => {
  const key = 'problem.billing:unpaid.title';
  expect(catalogueOf([billing]).of('de').find(key)).toBe('Eine Rechnung ist offen');
  expect(catalogueOf([billing]).of('en').find(key)).toBeUndefined();
  expect(
    catalogueOf([billing], { [key]: 'Offen' })
      .of('de')
      .find(key),
  ).toBe('Offen');
});

it('an audit event of a feature has its words, which an operator changes', () => {
  const key = 'admin.audit.type.billing:paid';
  const words = (of: Parameters<typeof catalogueOf>) =>
    ['en', 'de', 'fr'].map((tag) =>
      catalogueOf(...of)
        .of(tag)
        .find(key),
    );
  expect(words([[billing]])).toEqual(['Bill paid', 'Rechnung bezahlt', 'Bill paid']);
  expect(words([[billing], { [key]: 'Bezahlt' }])).toEqual(['Bill paid', 'Bezahlt', 'Bill paid']);
  expect(words([[]])).toEqual([undefined, undefined, undefined]);
});

it('without the feature, its texts are unknown', () => {
  expect(() => catalogueOf([], { 'billing.title': 'x' })).toThrow('there is no text "billing.title"');
});

it('one file serves a deployment with another provider, which does not have the feature', () => {
  const file = { 'billing.title': 'x', 'admin.audit.type.billing:paid': 'x' };
  const german = catalogueOf([], file, [billing]).of('de');
  expect(german.find('site.logIn')).toBe('Anmelden');
  expect(() => catalogueOf([], { 'billing.nothing': 'x' }, [billing])).toThrow('there is no text');
  const { features, otherFeatures } = loadConfiguration(
    { SECRETS: newSecret(), ...providerEnv.oidc },
    ownFeatures,
  );
  expect(new Set([...features.map(({ feature }) => feature), ...otherFeatures])).toEqual(
    new Set(ownFeatures),
  );
  expect(otherFeatures.map(({ name }) => name)).toContain('applications');
});

const withTexts = ownFeatures.flatMap(({ name, texts: own }) => (own === undefined ? [] : [{ name, own }]));

it('some of our features have texts', () => {
  expect(withTexts.map(({ name }) => name)).toEqual([
    'applications',
    'command-line',
    'device-login',
    'second-factor',
    'user-administration',
  ]);
});

it.each(withTexts)(
  '$name: every text is a message, and German has each with the same placeholders',
  ({ own }) => {
    const { en, translations } = own;
    expect(Object.keys(translations['de'] ?? {})).toEqual(Object.keys(en));
    const known = new Map(Object.entries(en));
    for (const [tag, file] of Object.entries({ ...translations, en })) {
      const path = join(folder, `${tag}.json`);
      writeFileSync(path, JSON.stringify(file));
      expect(readLocale(path, known).size).toBe(known.size);
    }
  },
);
