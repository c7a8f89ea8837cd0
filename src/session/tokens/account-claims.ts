import type { Configuration } from '../../platform/config/configuration.js';
import { newId, timestampOf } from '../../platform/core/identifier.js';
import type { Account } from '../../directory/users/account.query.js';
import { longestPicture } from '../../directory/users/profile-input.js';
import type { Claims } from './claims.schema.js';

type AccountClaims = Pick<
  Claims,
  | 'sub'
  | 'sub_profile'
  | 'jti'
  | 'email_verified'
  | 'email'
  | 'name'
  | 'picture'
  | 'roles'
  | 'org'
  | 'second_factor'
>;

/**
 * Whether a caller counts as one with a second factor: by their login, by the login that their API key was made with, or because
 * no person calls.
 */
export function hasSecondFactor({ acr, amr }: Pick<Claims, 'acr' | 'amr'>): boolean {
  return acr === 'aal2' || amr.some((method) => method === 'mfa' || method === 'client_credentials');
}

/**
 * The claims that describe an account, for any of its tokens, with the claim that states when they were read. They enter a token
 * only together, so that a later change makes the token outdated.
 *
 * What a policy closes to a caller without a second factor isn't in the token: a service that knows nothing of policies refuses
 * what needs it.
 * @param login how the caller authenticated.
 * @param source claims of the token that the new one is made from, if no one has asked since whether its session goes on: what
 *   outdates that one outdates the new one too, although the account was read later.
 */
export function accountClaims(
  account: Account,
  login: Pick<Claims, 'acr' | 'amr'>,
  source?: Pick<Claims, 'jti'>,
): AccountClaims {
  const { user, isService, isAdministrator, org, readAt } = account;
  const demand = hasSecondFactor(login) ? undefined : demandOf(account);
  const isWithheld = (reach: 'role' | 'org'): boolean =>
    demand?.missing?.some((one) => one === 'session' || one === reach) === true;
  return {
    sub: user.id,
    ...(isService ? { sub_profile: 'service' } : {}),
    jti: newId(source === undefined ? readAt : Math.min(readAt, timestampOf(source.jti))),
    email_verified: user.emailVerified,
    ...(user.email === null ? {} : { email: user.email }),
    ...(user.name === null ? {} : { name: user.name }),
    ...(user.picture === null || user.picture.length > longestPicture ? {} : { picture: user.picture }),
    ...(isAdministrator && !isWithheld('role') ? { roles: ['admin'] } : {}),
    ...(org === null || isWithheld('org') ? {} : { org: { id: org.id, slug: org.slug, role: org.role } }),
    ...(demand === undefined ? {} : { second_factor: demand }),
  };
}

/** The second factor that is required of an account, as its tokens state it. */
function demandOf({ secondFactor, org, readAt }: Account): Claims['second_factor'] {
  if (secondFactor === null) {
    return undefined;
  }
  const due = Math.ceil(secondFactor.due / 1000);
  if (readAt < secondFactor.due) {
    return { due };
  }
  const missing = [...secondFactor.reach];
  const closesOrg = org !== null && missing.some((one) => one !== 'role');
  return { due, missing, ...(closesOrg ? { org: { id: org.id, slug: org.slug } } : {}) };
}

/** The scope of a token: none, if a missing second factor closes everything. */
export function scopeFor(scope: string, { second_factor: demand }: Pick<Claims, 'second_factor'>): string {
  return demand?.missing?.includes('session') === true ? '' : scope;
}

/** The claims with all account data replaced by its current state; the other claims stay, and so does what outdates them. */
export function withAccount(claims: Claims, account: Account): Claims {
  const { email: _email, name: _name, picture: _picture, roles: _roles, org: _org, ...others } = claims;
  const { second_factor: _demand, sub_profile: _profile, ...rest } = others;
  return { ...rest, ...accountClaims(account, claims, claims) };
}

/** How callers without a session authenticate. A login by a provider can't be one of these, whatever the provider states. */
export const sessionlessMethods = ['api_key', 'client_credentials'] as const;

/** A caller without a session: an API key, or an OAuth client that acts for itself. */
export interface SessionlessSubject {
  readonly account: Account;
  /** Takes the place of a session's id. */
  readonly sid: string;
  readonly clientId: string;
  readonly amr: (typeof sessionlessMethods)[number];
  /** Whether an API key was made with a login that had a second factor; it then has `mfa` in `amr`. */
  readonly hasSecondFactor?: boolean;
  /** Space-separated scopes. */
  readonly scope: string;
}

/** The claims of a caller without a session. @param seconds since the epoch, when they were read. */
export function sessionlessClaims(
  { account, sid, clientId, amr: method, hasSecondFactor: isStrong = false, scope }: SessionlessSubject,
  { PUBLIC_URL, TOKEN_AUDIENCE, TOKEN_TTL, AUTH_PROVIDER }: Configuration,
  seconds: number,
): Claims {
  const amr = isStrong ? [method, 'mfa'] : [method];
  const known = accountClaims(account, { acr: 'aal1', amr });
  return {
    iss: PUBLIC_URL,
    aud: TOKEN_AUDIENCE,
    sid,
    iat: seconds,
    nbf: seconds,
    exp: seconds + TOKEN_TTL,
    auth_time: 0,
    amr,
    acr: 'aal1',
    idp: AUTH_PROVIDER,
    client_id: clientId,
    scope: scopeFor(scope, known),
    ...known,
  };
}
