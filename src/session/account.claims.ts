import { newId } from '../core/identifier.js';
import type { Account } from '../users/account.query.js';
import { longestPicture } from '../users/profile.input.js';
import type { Claims } from './claims.schema.js';

type AccountClaims = Pick<
  Claims,
  'sub' | 'jti' | 'email_verified' | 'email' | 'name' | 'picture' | 'roles' | 'org'
>;

/**
 * The claims that say whose a token is, as any token of this account has them, with the one that says when they were read: only
 * together do they reach a token, so that what changes after the reading makes it stale.
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

/** Claims with everything that they say of the account as it is now; the rest stays. */
export function withAccount(claims: Claims, account: Account): Claims {
  const { email: _email, name: _name, picture: _picture, roles: _roles, org: _org, ...rest } = claims;
  return { ...rest, ...accountClaims(account) };
}
