import { AuthError } from './auth.error.js';
import type { Claims, OrgRole } from './claims.js';

/** What is required of a caller. A member that is left out requires nothing, except `scope`. */
export interface Requirement {
  /**
   * Scope that the token must have; with a list, all of them. `api`, which sessions have, covers every scope, and is required if this is
   * left out: a token that was narrowed opens only what names its scope. An empty list accepts any scope.
   */
  readonly scope?: string | readonly string[];
  /** Role in the deployment, for example `admin`. */
  readonly role?: string;
  /** Id of the organisation that the caller must act for. Its slug works, too, but can change. */
  readonly org?: string;
  /** Lowest role in the active organisation that is enough. */
  readonly orgRole?: OrgRole;
  /** A verified e-mail address. Service accounts, which have no address, pass. */
  readonly verifiedEmail?: boolean;
  /** Longest time since the user gave credentials, in seconds. API keys and service accounts, which never do, don't pass. */
  readonly maxAge?: number;
  /** `aal2` for a second factor. */
  readonly acr?: 'aal2';
}

type Check = (value: unknown) => boolean;

const rank: Readonly<Record<OrgRole, number>> = { member: 1, admin: 2, owner: 3 };
const fullScope = 'api';
const uuidForm = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const scopesForm = /^[^\s]+(?: [^\s]+)*$/;
const isScopes: Check = (value) => typeof value === 'string' && scopesForm.test(value);
const members: Readonly<Record<keyof Requirement, Check>> = {
  scope: (value) => isScopes(value) || (Array.isArray(value) && value.every(isScopes)),
  role: isText,
  org: isText,
  orgRole: (value) => isText(value) && Object.hasOwn(rank, value),
  verifiedEmail: (value) => typeof value === 'boolean',
  maxAge: (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
  acr: (value) => value === 'aal2',
};
const checks: ReadonlyMap<string, Check> = new Map(Object.entries(members));

/** Requirements that were checked, and that nothing changes any more. */
const checked = new WeakSet<Requirement>();

/**
 * A copy of the requirement, if it can be held: in plain JavaScript, a misspelt member would require nothing, and so would one whose value
 * is missing.
 * @throws {TypeError} that names the member.
 */
export function checkRequirement(requirement: Requirement): Requirement {
  if (checked.has(requirement)) {
    return requirement;
  }
  if (!isPlain(requirement)) {
    throw new TypeError(
      'A requirement is a plain object. A guard is made by a call: guard(), or guard({ role }).',
    );
  }
  for (const [member, value] of Object.entries(requirement)) {
    const check = checks.get(member);
    if (check === undefined) {
      throw new TypeError(`A requirement has no "${member}"; it has ${[...checks.keys()].join(', ')}`);
    }
    if (!check(value)) {
      throw new TypeError(`The requirement's "${member}" has a value that can't be required`);
    }
  }
  const { scope } = requirement;
  const copy = Object.freeze({
    ...requirement,
    ...(typeof scope === 'object' ? { scope: Object.freeze([...scope]) } : {}),
  });
  checked.add(copy);
  return copy;
}

/** Whether all that a value requires can be seen: a promise, a list or a map has no members of its own to check. */
function isPlain(value: unknown): boolean {
  const prototype: unknown = typeof value === 'object' && value !== null && Object.getPrototypeOf(value);
  return (
    (prototype === null || prototype === Object.prototype) && Object.getOwnPropertySymbols(value).length === 0
  );
}

/**
 * Decides, from the claims alone, whether a caller meets a requirement.
 * @param now in seconds since the epoch. @param issuer where users log in.
 * @throws {AuthError} `email_unverified`, `forbidden`, `insufficient_scope` or `reauthentication_required`.
 */
export function authorize(claims: Claims, requirement: Requirement, now: number, issuer: string): void {
  const { scope = fullScope, role, org, orgRole, verifiedEmail, maxAge, acr } = requirement;
  const missing = claims.second_factor?.missing ?? [];
  if (missing.includes('session')) {
    throw factorMissing(issuer);
  }
  if (verifiedEmail === true && !claims.email_verified && claims.sub_profile !== 'service') {
    throw new AuthError('email_unverified', {
      reason: 'email_unverified',
      detail: 'Requires a verified e-mail address.',
    });
  }
  if (role !== undefined && claims.roles?.includes(role) !== true) {
    throw missing.includes('role')
      ? factorMissing(issuer)
      : forbidden('role_missing', `Requires the role ${role}.`);
  }
  if (org !== undefined || orgRole !== undefined) {
    const withheld = claims.org === undefined ? claims.second_factor?.org : undefined;
    if (withheld !== undefined && (org === undefined || isNamed(withheld, org))) {
      throw factorMissing(issuer);
    }
    requireOrg(claims, org, orgRole);
  }
  requireScopes(claims, scope);
  requireLogin(claims, { maxAge, acr }, now, issuer);
}

function requireOrg({ org: active }: Claims, org: string | undefined, role: OrgRole | undefined): void {
  if (active === undefined) {
    throw forbidden('org_missing', 'Requires an active organisation.');
  }
  if (org !== undefined && !isNamed(active, org)) {
    throw forbidden('org_missing', 'Requires a session or token that acts for this organisation.');
  }
  if (role !== undefined && rank[active.role] < rank[role]) {
    throw forbidden('org_role_missing', `Requires the role ${role} in the organisation.`);
  }
}

/** A text in the form of an id is compared with ids alone: no slug can pass for another organisation's id. */
function isNamed({ id, slug }: { readonly id: string; readonly slug: string }, text: string): boolean {
  return uuidForm.test(text) ? id === text.toLowerCase() : slug === text;
}

function requireScopes(claims: Claims, scope: string | readonly string[]): void {
  if (claims.scope === fullScope) {
    return;
  }
  const held = claims.scope.split(' ');
  if (held.includes(fullScope)) {
    return;
  }
  const required = [scope].flat().flatMap((text) => text.split(' '));
  const missing = required.filter((token) => !held.includes(token));
  if (missing.length > 0) {
    const list = missing.join(' ');
    throw new AuthError('insufficient_scope', {
      reason: 'scope_missing',
      detail: `Requires the scope ${list}.`,
      headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${list}"` },
    });
  }
}

interface RequiredLogin {
  readonly maxAge: number | undefined;
  readonly acr: 'aal2' | undefined;
}

/** The challenge names all that is required of a login, so that one login is enough (RFC 9470 section 3). */
function requireLogin(claims: Claims, { maxAge, acr }: RequiredLogin, now: number, issuer: string): void {
  const lacksFactor = acr !== undefined && claims.acr !== acr;
  if (!lacksFactor && (maxAge === undefined || now - claims.auth_time <= maxAge)) {
    return;
  }
  const parameters = [
    ...(maxAge === undefined ? [] : [['max_age', String(maxAge)]]),
    ...(acr === undefined ? [] : [['acr_values', acr]]),
  ];
  throw loginRequired(issuer, parameters, lacksFactor ? 'second_factor_missing' : 'login_too_old');
}

/** The refusal of a caller of whom a policy requires a second factor. */
function factorMissing(issuer: string): AuthError {
  return loginRequired(issuer, [['acr_values', 'aal2']], 'second_factor_missing');
}

function loginRequired(issuer: string, parameters: string[][], reason: string): AuthError {
  const wanted = parameters.map(([name, value]) => `, ${name}="${value}"`).join('');
  return new AuthError('reauthentication_required', {
    reason,
    headers: { 'www-authenticate': `Bearer error="insufficient_user_authentication"${wanted}` },
    loginUrl: `${issuer}/auth/login?${new URLSearchParams(parameters)}`,
  });
}

function forbidden(reason: string, detail: string): AuthError {
  return new AuthError('forbidden', { reason, detail });
}
