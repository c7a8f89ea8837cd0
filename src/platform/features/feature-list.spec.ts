import { expect, it } from 'vitest';
import { z } from 'zod';
import { type Feature, type FeatureDefinition, defineFeature, defineSettings } from './feature.js';
import { defineProblems, releasedProblems } from '../errors/problem.catalogue.js';
import { defineAuditEvents, releasedAuditEvents } from './audit-event.catalogue.js';
import { defineTexts } from '../i18n/feature-texts.js';
import { inOrderOfNeeds } from './feature-list.js';
import { defineScopes } from './scope.catalogue.js';

const feature = (name: string, more: Partial<FeatureDefinition<z.ZodRawShape>> = {}): Feature =>
  defineFeature({ name, module: async () => class {}, ...more });
const withVariable = (name: string, variable: string): Feature =>
  feature(name, { settings: defineSettings(name, { [variable]: z.string() }) });
const full = { status: 409, title: 'Full', remedy: 'Wait.' };
const order = (...features: readonly Feature[]): string[] =>
  inOrderOfNeeds(features, ['PORT']).map(({ name }) => name);

it('features come after those that they need', () => {
  const shop = feature('shop', { needs: ['billing', 'mail'] });
  const billing = feature('billing', { needs: ['mail'] });
  expect(order(shop, billing, feature('mail'))).toEqual(['mail', 'billing', 'shop']);
});

it.each<[string, readonly Feature[], string]>([
  ['a name twice', [feature('billing'), feature('billing')], 'The name billing is declared by'],
  [
    'a variable twice',
    [
      feature('one', { settings: defineSettings('one', { X_URL: z.string() }), prefixes: ['x'] }),
      feature('two', { settings: defineSettings('two', { X_URL: z.string() }), prefixes: ['x'] }),
    ],
    'The variable X_URL is declared by the feature two and by the feature one.',
  ],
  ['a variable of another prefix', [withVariable('billing', 'SHOP_URL')], 'does not begin with billing_'],
  ['a table of another prefix', [feature('billing', { tables: ['invoices'] })], 'declares invoices'],
  [
    'a table twice',
    [
      feature('one', { tables: ['x_rows'], prefixes: ['x'] }),
      feature('two', { tables: ['x_rows'], prefixes: ['x'] }),
    ],
    'The table x_rows is declared by',
  ],
  [
    'a text of another prefix',
    [feature('two-words', { texts: defineTexts({ 'twoWord.title': 'A page' }) })],
    'declares the text twoWord.title, which does not begin with twoWords.',
  ],
  [
    'a text of the core',
    [feature('site', { texts: defineTexts({ 'site.logIn': 'Come in' }) })],
    'The text site.logIn is declared by the feature site and by the core.',
  ],
  [
    'a problem of another feature',
    [feature('shop', { problems: defineProblems('mail', { full }) })],
    'The feature shop declares the problem mail:full, which does not begin with shop:',
  ],
  [
    'a problem with neither its name nor its prefix',
    [feature('shop', { problems: releasedProblems({ mail_full: full }), prefixes: ['till'] })],
    'The feature shop declares the problem mail_full',
  ],
  [
    'a problem twice',
    [
      feature('one', { problems: releasedProblems({ till_full: full }), prefixes: ['till'] }),
      feature('two', { problems: releasedProblems({ till_full: full }), prefixes: ['till'] }),
    ],
    'The problem till_full is declared by the feature two and by the feature one.',
  ],
  [
    'an audit event of another feature',
    [feature('shop', { auditEvents: defineAuditEvents('mail', { sent: { en: 'Sent' } }) })],
    'The feature shop declares the audit event mail:sent, which does not begin with shop:',
  ],
  [
    'an audit event twice',
    [
      feature('one', { auditEvents: releasedAuditEvents({ till_shut: { en: 'Shut' } }), prefixes: ['till'] }),
      feature('two', { auditEvents: releasedAuditEvents({ till_shut: { en: 'Shut' } }), prefixes: ['till'] }),
    ],
    'The audit event till_shut is declared by the feature two and by the feature one.',
  ],
  [
    'a scope of another prefix',
    [feature('two-words', { scopes: defineScopes({ 'words:read': 'Read.' }) })],
    'declares the scope words:read, which does not begin with two-words.',
  ],
  [
    'a scope under another name',
    [feature('words', { scopes: { 'words:read': defineScopes({ 'users:read': 'Read.' })['users:read'] } })],
    'declares the scope users:read, which does not begin with words.',
  ],
  [
    'a scope of the core',
    [feature('orgs', { scopes: defineScopes({ 'orgs:read': 'Read.' }) })],
    'The scope orgs:read is declared by the feature orgs and by the core.',
  ],
  [
    'a group twice',
    [feature('one', { groups: { things: 'Some.' } }), feature('two', { groups: { things: 'Others.' } })],
    'The group things is declared by',
  ],
  [
    'a need that is missing',
    [feature('shop', { needs: ['billing'] })],
    'The feature shop needs billing, which is not in the list.',
  ],
  [
    'a circle',
    [feature('one', { needs: ['two'] }), feature('two', { needs: ['one'] })],
    'These features need each other in a circle: one, two.',
  ],
])('%s is refused at the start', (_, features, message) => {
  expect(() => order(...features)).toThrow(message);
});

it("a variable of the core's is refused under its own prefix, too", () => {
  const taken = withVariable('port', 'PORT_NUMBER');
  expect(() => inOrderOfNeeds([taken], ['PORT_NUMBER'])).toThrow(
    'The variable PORT_NUMBER is declared by the feature port and by the core.',
  );
});
