import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepUpParameters, stepUpRequirementOf, assertStepUp } from './step-up-requirement.js';

describe('loginDemandOf', () => {
  it.each([
    [{ max_age: '0' }, { maxAge: 0 }],
    [{ max_age: '31536000' }, { maxAge: 31_536_000 }],
    [{ max_age: '31536001' }, {}],
    [{ max_age: '-1' }, {}],
    [{ max_age: ' 1' }, {}],
    [{ max_age: '١' }, {}],
    [{ max_age: ['1', '2'] }, {}],
    [{ acr_values: 'aal2' }, { acr: 'aal2' }],
    [{ acr_values: 'aal2 aal1' }, {}],
    [{ acr_values: ['aal2'] }, {}],
    [
      { max_age: '300', acr_values: 'aal2', other: 'x' },
      { maxAge: 300, acr: 'aal2' },
    ],
  ])('%j is %j', (query, demand) => {
    expect(stepUpRequirementOf(query)).toEqual(demand);
  });

  it('whatever a query holds is read without an error, and what it becomes is sent as it was', () => {
    const value = fc.oneof(fc.anything(), fc.nat().map(String), fc.constant('aal2'));
    fc.assert(
      fc.property(fc.record({ max_age: value, acr_values: value }), (query) => {
        const parameters = stepUpParameters(stepUpRequirementOf(query));
        const { max_age: age = '0', acr_values: acr = 'aal2' } = parameters;
        expect([age, acr]).toEqual([expect.stringMatching(/^\d+$/), 'aal2']);
      }),
    );
  });
});

describe('assertStepUp', () => {
  const startedAt = 1_700_000_000;
  const at = (seconds: number) => ({ authTime: (startedAt + seconds) * 1000, acr: 'aal1' as const });

  it('only what is demanded becomes a parameter', () => {
    expect(stepUpParameters({ maxAge: 5 })).toEqual({ max_age: '5' });
    expect(stepUpParameters({ acr: 'aal2' }, 'mfa')).toEqual({ acr_values: 'mfa' });
  });

  it('without a demand any login does, also one of unknown age', () => {
    expect(() => assertStepUp({}, { authTime: null, acr: 'aal1' }, startedAt)).not.toThrow();
  });

  it.each([
    [0, 0],
    [0, 5],
    [300, -300],
    [300, 60],
  ])('max_age %d is met by credentials given %d s after the start', (maxAge, seconds) => {
    expect(() => assertStepUp({ maxAge }, at(seconds), startedAt)).not.toThrow();
  });

  it.each([
    [0, -1],
    [300, -301],
  ])('max_age %d is not met by credentials given %d s after the start', (maxAge, seconds) => {
    expect(() => assertStepUp({ maxAge }, at(seconds), startedAt)).toThrow(
      expect.objectContaining({ code: 'login_refused', reason: 'login_too_old' }),
    );
  });

  it('a provider that does not say when credentials were given has not met max_age', () => {
    expect(() => assertStepUp({ maxAge: 300 }, { authTime: null, acr: 'aal2' }, startedAt)).toThrow(
      expect.objectContaining({ code: 'login_refused', reason: 'auth_time_missing' }),
    );
  });

  it('aal2 is met by nothing less', () => {
    const evidence = at(0);
    expect(() => assertStepUp({ acr: 'aal2' }, { ...evidence, acr: 'aal2' }, startedAt)).not.toThrow();
    expect(() => assertStepUp({ acr: 'aal2' }, evidence, startedAt)).toThrow(
      expect.objectContaining({ code: 'login_refused', reason: 'second_factor_missing' }),
    );
  });
});
