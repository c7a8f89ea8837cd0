import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../../src/platform/errors/problem.error.js';
import { authorize as authorizeInGateway } from '../../../src/session/guards/authorization.js';
import type { Claims as GatewayClaims } from '../../../src/session/tokens/claims.schema.js';
import { AuthError } from './auth.error.js';
import { type Claims, isClaims } from './claims.js';
import { type Requirement, authorize, checkRequirement } from './requirement.js';

const id = '01a2244d-573d-7369-a07e-c1e6e43aa0a8';
const issuer = 'https://auth.example.test';
const now = 1_700_000_000;

const claims: GatewayClaims = {
  iss: issuer,
  aud: issuer,
  sub: id,
  sid: id,
  jti: id,
  iat: now,
  nbf: now,
  exp: now + 600,
  auth_time: now - 60,
  amr: ['pwd'],
  acr: 'aal1',
  idp: 'ory',
  client_id: 'vestibule',
  scope: 'api',
  email: 'ada@example.test',
  email_verified: true,
};

interface Answer {
  readonly code: string;
  readonly reason: string | undefined;
  readonly challenge: string | undefined;
}

function answerOf(error: unknown): Answer {
  if (!(error instanceof AuthError) && !(error instanceof Problem)) {
    throw error;
  }
  const { code, reason, headers } = error;
  return { code, reason, challenge: headers['www-authenticate'] };
}

function refusal(act: () => void): Answer | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return answerOf(error);
  }
}

function bodyOf(act: () => void): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return JSON.parse(JSON.stringify(error));
  }
}

const refused = (of: Claims, requirement: Requirement): Answer | undefined =>
  refusal(() => authorize(of, requirement, now, issuer));

it('decides as the gateway decides, with the same code, reason and challenge', () => {
  const role = fc.constantFrom('member', 'admin', 'owner');
  const orgs = fc.constantFrom(
    { id, slug: 'acme', role: 'member' as const },
    { id: id.replace('01', '02'), slug: id, role: 'owner' as const },
  );
  const change = fc.record(
    {
      org: orgs,
      roles: fc.subarray(['admin', 'support']),
      scope: fc.subarray(['api', 'notes:read', 'notes:write']).map((scopes) => scopes.join(' ')),
      email_verified: fc.boolean(),
      amr: fc.subarray(['pwd', 'api_key', 'client_credentials'], { minLength: 1 }),
      sub_profile: fc.constant('service' as const),
      second_factor: fc.record(
        {
          due: fc.constant(now),
          missing: fc.subarray(['session', 'role', 'org'] as const, { minLength: 1 }),
          org: orgs.map(({ id: ofOrg, slug }) => ({ id: ofOrg, slug })),
        },
        { requiredKeys: ['due'] },
      ),
    },
    { requiredKeys: [] },
  );
  const requirement = fc.record(
    {
      scope: fc.subarray(['api', 'notes:read', 'notes:write']),
      role: fc.constant('admin' as const),
      org: fc.constantFrom('acme', 'other', id, id.toUpperCase()),
      orgRole: role,
      verifiedEmail: fc.constant(true),
    },
    { requiredKeys: ['scope'] },
  );
  const counts = { opened: 0, refused: 0 };
  fc.assert(
    fc.property(
      change,
      fc.boolean(),
      requirement,
      (changed, hasAddress, { scope, verifiedEmail, ...others }) => {
        const { email, ...rest } = claims;
        const all = { ...rest, ...(hasAddress ? { email } : {}), ...changed };
        const here = refused(all, { scope, ...others, ...(verifiedEmail === true ? { verifiedEmail } : {}) });
        const there = refusal(() =>
          authorizeInGateway(all, {
            scopes: scope,
            ...others,
            ...(verifiedEmail === true ? { verifiedEmail: {} } : {}),
          }),
        );
        counts[here === undefined ? 'opened' : 'refused'] += 1;
        expect(here).toEqual(there);
      },
    ),
    { numRuns: 2000 },
  );
  // About 115 of the 2,000 are opened: both kinds were compared.
  expect(Math.min(counts.opened, counts.refused)).toBeGreaterThan(50);
});

it('takes the word of the gateway alone for it that no person calls', () => {
  const { email: _email, ...nameless } = { ...claims, email_verified: false };
  for (const method of ['api_key', 'client_credentials', 'pwd']) {
    const person = { ...nameless, amr: [method] };
    expect(refused(person, { verifiedEmail: true })).toMatchObject({ code: 'email_unverified' });
    expect(refused({ ...person, sub_profile: 'user' }, { verifiedEmail: true })).toBeDefined();
    expect(refused({ ...person, sub_profile: 'service' }, { verifiedEmail: true })).toBeUndefined();
  }
});

it('requires the scope api where none is named', () => {
  expect(refused({ ...claims, scope: 'notes:read' }, {})).toMatchObject({ code: 'insufficient_scope' });
  expect(refused(claims, {})).toBeUndefined();
  expect(refused({ ...claims, scope: 'notes:read' }, { scope: [] })).toBeUndefined();
  expect(refused({ ...claims, scope: 'notes:read' }, { scope: 'notes:read' })).toBeUndefined();
  expect(refused({ ...claims, scope: 'notes:read' }, { scope: 'notes:read notes:write' })).toMatchObject({
    challenge: 'Bearer error="insufficient_scope", scope="notes:write"',
  });
});

it('states all that is required of a login, with the address of one', () => {
  expect(refused(claims, { maxAge: 60 })).toBeUndefined();
  expect(refused({ ...claims, acr: 'aal2' }, { acr: 'aal2', maxAge: 60 })).toBeUndefined();
  expect(refused(claims, { acr: 'aal2', maxAge: 300 })).toEqual({
    code: 'reauthentication_required',
    reason: 'second_factor_missing',
    challenge: 'Bearer error="insufficient_user_authentication", max_age="300", acr_values="aal2"',
  });
  expect(refused({ ...claims, auth_time: 0 }, { maxAge: 59 })).toMatchObject({ reason: 'login_too_old' });
  expect(bodyOf(() => authorize(claims, { maxAge: 59 }, now, issuer))).toMatchObject({
    loginUrl: `${issuer}/auth/login?max_age=59`,
  });
});

describe('a requirement that can not be held is an error', () => {
  it.each([
    [{ scopes: 'notes:read' }, 'scopes'],
    [{ rol: 'admin' }, 'rol'],
    [{ role: undefined }, 'role'],
    [{ role: '' }, 'role'],
    [{ org: null }, 'org'],
    [{ orgRole: 'superuser' }, 'orgRole'],
    [{ orgRole: 'toString' }, 'orgRole'],
    [{ verifiedEmail: 'yes' }, 'verifiedEmail'],
    [{ maxAge: Number.NaN }, 'maxAge'],
    [{ maxAge: '300' }, 'maxAge'],
    [{ acr: 'aal3' }, 'acr'],
    [{ scope: [''] }, 'scope'],
    [{ constructor: 'x' }, 'constructor'],
    [{ scope: ' ' }, 'scope'],
    [{ maxAge: Number.POSITIVE_INFINITY }, 'maxAge'],
  ])('%j', (requirement, member) => {
    // As plain JavaScript passes it.
    expect(() => Reflect.apply(checkRequirement, undefined, [requirement])).toThrow(`"${member}"`);
  });
});

it('is what it was when it was checked', () => {
  const given = { role: 'admin', scope: ['a', 'b'] };
  const requirement = checkRequirement(given);
  Object.assign(given, { role: undefined });
  given.scope.pop();
  expect(requirement).toEqual({ role: 'admin', scope: ['a', 'b'] });
  expect(() => Object.assign(requirement, { role: 'user' })).toThrow(TypeError);
  expect(checkRequirement(requirement)).toBe(requirement);
});

it.each([
  ['a promise', Promise.resolve({ role: 'admin' })],
  ['a function', () => ({ role: 'admin' })],
  ['a map', new Map([['role', 'admin']])],
  ['a list', []],
  ['a text', ''],
  ['a symbol of its own', { [Symbol('role')]: 'admin' }],
])('%s is no requirement', (_what, requirement) => {
  expect(() => Reflect.apply(checkRequirement, undefined, [requirement])).toThrow('plain object');
});

it('knows claims by their form', () => {
  expect(isClaims(claims)).toBe(true);
  const { acr, email, ...least } = claims;
  expect([acr, email]).not.toContain(undefined);
  expect(isClaims(least)).toBe(true);
  for (const name of Object.keys(least)) {
    expect([name, isClaims({ ...claims, [name]: undefined })]).toEqual([name, false]);
  }
  for (const wrong of [
    { sub: {} },
    { exp: '1' },
    { exp: 1.5 },
    { roles: 'admin' },
    { roles: [1] },
    { org: { id } },
    { org: { id, slug: 'acme', role: 'king' } },
    { act: {} },
    { act: { sub: id, sid: 1 } },
    { act: { sub: id, act: {} } },
    { email_verified: 'true' },
    { sub_profile: ['service'] },
  ]) {
    expect([wrong, isClaims({ ...claims, ...wrong })]).toEqual([wrong, false]);
  }
});
