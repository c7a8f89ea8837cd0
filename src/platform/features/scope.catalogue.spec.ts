import { describe, expect, it } from 'vitest';
import { RequireScope } from '../../session/guards/access.decorators.js';
import { ScopeCatalogue, coreScopes, defineScopes } from './scope.catalogue.js';

const billing = { scopes: defineScopes({ 'bills:read': 'Read bills.', 'bills:pay': 'Pay bills.' }) };
const withBilling = new ScopeCatalogue([billing]);
const withoutIt = new ScopeCatalogue([]);

it('has the core’s scopes, and then those of features', () => {
  expect([...withoutIt.scopes]).toEqual(Object.entries(coreScopes));
  expect([...withBilling.scopes].slice(withoutIt.scopes.size)).toEqual([
    ['bills:read', 'Read bills.'],
    ['bills:pay', 'Pay bills.'],
  ]);
});

it.each(['bills', 'bills read', 'Bills:read', 'bills:', ''])('%j is no scope of a feature', (name) => {
  expect(() => defineScopes({ [name]: 'Words.' })).toThrow(TypeError);
});

it('a route requires one of the core’s or a declared one: others don’t compile', () => {
  RequireScope('orgs:read', billing.scopes['bills:read']);
  // @ts-expect-error No feature declares it.
  RequireScope('orgs:raed');
  // @ts-expect-error Only a declaration makes one.
  RequireScope('bills:read');
  // @ts-expect-error It isn't among the declared ones.
  expect(() => RequireScope(billing.scopes['bills:raed'])).toThrow(TypeError);
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
