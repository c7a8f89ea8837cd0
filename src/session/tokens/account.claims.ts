import type { Configuration } from '../../platform/config/configuration.js';
import { newId } from '../../platform/core/identifier.js';
import type { Account } from '../../directory/users/account.query.js';
import { longestPicture } from '../../directory/users/profile.input.js';
import type { Claims } from './claims.schema.js';

type AccountClaims = Pick<
  Claims,
  'sub' | 'jti' | 'email_verified' | 'email' | 'name' | 'picture' | 'roles' | 'org'
>;

/**
 * The claims that describe an account, for any of its tokens, with the claim that states when they were read. They enter a token
 * only together, so that a later change makes the token outdated.
 */
export function accountClaims({ user, isAdministrator, org, readAt }: Account): AccountClaims {
  return {
    sub: user.id,
    jti: newId(readAt),
    email_verified: user.emailVerified,
    ...(user.email === null ? {} : { email: user.email }),
    ...(user.name === null ? {} : { name: user.name }),
    ...(user.picture === null || user.picture.length > longestPicture ? {} : { picture: user.picture }),
    ...(isAdministrator ? { roles: ['admin'] } : {}),
    ...(org === null ? {} : { org: { id: org.id, slug: org.slug, role: org.role } }),
  };
}

/** The claims with all account data replaced by its current state; the other claims stay. */
export function withAccount(claims: Claims, account: Account): Claims {
  const { email: _email, name: _name, picture: _picture, roles: _roles, org: _org, ...rest } = claims;
  return { ...rest, ...accountClaims(account) };
}

/** A caller without a session: an API key, or an OAuth client that acts for itself. */
export interface SessionlessSubject {
  readonly account: Account;
  /** Takes the place of a session's id. */
  readonly sid: string;
  readonly clientId: string;
  readonly amr: 'api_key' | 'client_credentials';
  /** Space-separated scopes. */
  readonly scope: string;
}

/** The claims of a caller without a session. @param seconds since the epoch, when they were read. */
export function sessionlessClaims(
  { account, sid, clientId, amr, scope }: SessionlessSubject,
  { PUBLIC_URL, TOKEN_AUDIENCE, TOKEN_TTL, AUTH_PROVIDER }: Configuration,
  seconds: number,
): Claims {
  return {
    iss: PUBLIC_URL,
    aud: TOKEN_AUDIENCE,
    sid,
    iat: seconds,
    nbf: seconds,
    exp: seconds + TOKEN_TTL,
    auth_time: 0,
    amr: [amr],
    acr: 'aal1',
    idp: AUTH_PROVIDER,
    client_id: clientId,
    scope,
    ...accountClaims(account),
  };
}
