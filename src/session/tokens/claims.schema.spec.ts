import { expect, it } from 'vitest';
import { newTokenSubject } from '../../../test/support/token.subject.js';
import { newId } from '../../platform/core/identifier.js';
import { claimsForm, claimsSchema, parseClaims } from './claims.schema.js';

const numericDates = { iat: 1_800_000_000, nbf: 1_800_000_000, exp: 1_800_000_600 };
const claims = { ...newTokenSubject(), iss: 'a', aud: 'b', jti: newId(), ...numericDates };

it.each([
  { acr: 'aal1' },
  { acr: 'aal2' },
  { sub_profile: 'service' },
  { act: { sub: 'a', act: { sub: 'b' } } },
  { act: { sub: 'a', sid: newId(), jti: newId(), act: { sub: 'b', sid: newId() } } },
  { org: { id: newId(), slug: 'acme', role: 'owner' } },
  { org: { id: newId(), slug: 'acme', role: 'member' } },
  { plan: ['gold'] },
])('claims may have %j', (more) => {
  expect(claimsSchema.parse({ ...claims, ...more })).toEqual({ ...claims, ...more });
});

it.each([
  { acr: 'aal3' },
  { sub_profile: 'user' },
  { act: {} },
  { act: { sub: 'a', sid: 'x' } },
  { act: { sub: 'a', jti: 1 } },
  { org: { id: newId(), slug: 'acme', role: 'nobody' } },
  { org: { id: 'x', slug: 'acme', role: 'owner' } },
  { org: {} },
])('no claims have %j', (more) => {
  expect(parseClaims({ ...claims, ...more })).toBeUndefined();
});

it('what was parsed in this form before is taken as it is, in any other it is parsed', () => {
  const value = { sub: 'x' };
  expect(parseClaims(value, claimsForm)).toBe(value);
  expect([parseClaims(value, 'another'), parseClaims(value)]).toEqual([undefined, undefined]);
});

it('a form has eight characters, which cookies have room for', () => {
  expect(claimsForm).toMatch(/^[\w-]{8}$/);
});
