import { describe, expect, it } from 'vitest';
import { ScopeCatalogue, coreScopes } from './scope.catalogue.js';

const billing = { scopes: { 'bills:read': 'Read bills.', 'bills:pay': 'Pay bills.' } };
const withBilling = new ScopeCatalogue([billing]);
const withoutIt = new ScopeCatalogue([]);

it('has the core’s scopes, and then those of features', () => {
  expect([...withoutIt.scopes]).toEqual(Object.entries(coreScopes));
  expect([...withBilling.scopes].slice(withoutIt.scopes.size)).toEqual(Object.entries(billing.scopes));
});

describe('a scope', () => {
  it.each([
    ['api', true],
    ['orgs:read', true],
    ['app:x', true],
    ['app', true],
    ['toString', true],
    ['orgs:raed', false],
    ['orgs', false],
    ['api:read', false],
    ['signing-keys:reed', false],
    ['bills:pay', true],
  ])('%s is known or an application’s own: %s', (scope, isTaken) => {
    expect(withBilling.isKnownOrForeign(scope)).toBe(isTaken);
    expect(withoutIt.isKnownOrForeign(scope)).toBe(isTaken);
  });

  it('is a typo of a feature’s only where the feature is', () => {
    expect([withBilling, withoutIt].map(({ isKnownOrForeign }) => isKnownOrForeign('bills:raed'))).toEqual([
      false,
      true,
    ]);
  });
});
