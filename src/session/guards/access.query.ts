import type { AccessQuery } from '../../platform/config/access-query.parser.js';
import type { AccessRequirement, VerificationPage } from './authorization.js';
import { scopeTokens } from './scopes.js';

/**
 * The requirement that a query's parameters state.
 * @param page on which an address is verified, for the refusal of an unverified one.
 */
export function requirementOf(
  { role, scope, org, org_role: orgRole, verified, acr }: AccessQuery,
  page: VerificationPage = {},
): AccessRequirement {
  const scopes = scope === undefined ? undefined : scopeTokens(scope);
  return { role, org, orgRole, acr, scopes, verifiedEmail: verified && page };
}
