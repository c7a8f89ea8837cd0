import { Problem } from '../../platform/errors/problem.error.js';
import type { OrgRole } from '../../platform/database/database.schema.js';
import { isNamed } from '../../directory/users/org-reference.js';
import type { Claims } from '../tokens/claims.schema.js';
import { loginChallenge } from './login-challenge.js';
import { uncovered } from './scopes.js';

const rank: Readonly<Record<OrgRole, number>> = { member: 1, admin: 2, owner: 3 };

/** What a route, or a proxy's sub-request, requires of its caller. A member that is left out requires nothing. */
export interface AccessRequirement {
  /** Scopes that the token must have, all of them; `api` covers every scope. */
  readonly scopes?: readonly string[] | undefined;
  /** Role in the deployment. */
  readonly role?: 'admin' | undefined;
  /** Slug or id that the active organisation must have. */
  readonly org?: string | undefined;
  /** Lowest role in the active organisation that is enough. */
  readonly orgRole?: OrgRole | undefined;
  /** Assurance level of the login: `aal2` if a second factor was given. */
  readonly acr?: 'aal2' | undefined;
  /** A verified e-mail address. */
  readonly verifiedEmail?: VerificationPage | undefined;
}

/** The page on which a browser verifies its address; there is none here when another provider verifies addresses. */
export interface VerificationPage {
  readonly loginUrl?: string;
}

/**
 * Decides, from the claims alone, whether a caller meets a requirement. No other code makes this decision.
 * @throws {Problem} `email_unverified`, `forbidden` with the missing role in its detail, `insufficient_scope`, or
 *   `reauthentication_required` for a missing second factor.
 */
export function authorize(claims: Claims, requirement: AccessRequirement): void {
  const { scopes, role, org, orgRole, acr, verifiedEmail } = requirement;
  requirePolicyMet(claims);
  if (verifiedEmail !== undefined) {
    requireVerifiedEmail(claims, verifiedEmail);
  }
  if (role !== undefined && claims.roles?.includes(role) !== true) {
    throw claims.second_factor?.missing?.includes('role') === true
      ? secondFactorMissing()
      : roleMissing(role);
  }
  if ((org !== undefined || orgRole !== undefined) && !isFor(claims, org)) {
    throw isWithheld(claims, org) ? secondFactorMissing() : orgMissing(org);
  }
  if (orgRole !== undefined && (claims.org === undefined || !isAtLeast(claims.org.role, orgRole))) {
    throw orgRoleMissing(orgRole);
  }
  if (scopes !== undefined) {
    requireScopes(claims, scopes);
  }
  // Last: a login with a second factor helps only those who meet everything else.
  if (acr !== undefined && claims.acr !== acr) {
    throw secondFactorMissing();
  }
}

/** @throws {Problem} `reauthentication_required` if everything is closed to the caller until they give a second factor. */
export function requirePolicyMet({ second_factor: demand }: Claims): void {
  if (demand?.missing?.includes('session') === true) {
    throw secondFactorMissing();
  }
}

/** The refusal of a caller who must give a second factor first. */
export function secondFactorMissing(): Problem {
  return loginChallenge({ maxAge: undefined, needsAal2: true }, 'second_factor_missing');
}

/** Whether the caller would act for this organisation, or for any if none is given, with a second factor. */
function isWithheld({ org: active, second_factor: demand }: Claims, org: string | undefined): boolean {
  return active === undefined && demand?.org !== undefined && (org === undefined || isNamed(demand.org, org));
}

/** Whether the claims have this active organisation, or any if none is given. */
function isFor({ org: active }: Claims, org: string | undefined): boolean {
  return active !== undefined && (org === undefined || isNamed(active, org));
}

/** Whether a role in an organisation is at least the required one. */
export function isAtLeast(role: OrgRole, required: OrgRole): boolean {
  return rank[role] >= rank[required];
}

/** @throws {Problem} `email_unverified`, unless the address is verified or the caller is a service account, which has no address. */
export function requireVerifiedEmail(
  { email_verified: isVerified, sub_profile: profile }: Claims,
  page: VerificationPage,
): void {
  if (!isVerified && profile !== 'service') {
    throw new Problem('email_unverified', { reason: 'email_unverified', ...page });
  }
}

/** @throws {Problem} `insufficient_scope`, with a challenge that names the missing scopes (RFC 6750 section 3.1). */
export function requireScopes(
  { scope }: Pick<Claims, 'scope'>,
  required: readonly string[],
  reason = 'scope_missing',
): void {
  const missing = uncovered(scope, required);
  if (missing.length > 0) {
    const list = missing.join(' ');
    throw new Problem('insufficient_scope', {
      detail: `Requires the scope ${list}.`,
      reason,
      headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${list}"` },
    });
  }
}

/** The refusal of a caller without a role in the deployment; its detail names the role. */
export function roleMissing(role: string): Problem {
  return new Problem('forbidden', { detail: `Requires the role ${role}.`, reason: 'role_missing' });
}

/** The refusal of a caller who acts for no organisation, or for another one than is required. */
function orgMissing(required: string | undefined): Problem {
  return new Problem('forbidden', {
    detail:
      required === undefined
        ? 'Requires an active organisation: make or join one, or switch to it.'
        : 'Requires a session or token that acts for this organisation.',
    reason: 'org_missing',
  });
}

/** The refusal of a caller whose role in the organisation is too low; its detail names the lowest role that is enough. */
export function orgRoleMissing(role: OrgRole): Problem {
  return new Problem('forbidden', {
    detail: `Requires the role ${role} in the organisation.`,
    reason: 'org_role_missing',
  });
}
