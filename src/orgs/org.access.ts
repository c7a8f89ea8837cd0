import { z } from 'zod';
import type { RequestOrigin } from '../auth/auth.service.js';
import { Problem } from '../core/problem.error.js';
import type { OrgRole } from '../database/database.schema.js';
import { orgRoleMissing } from '../session/access.refusal.js';
import type { Principal } from '../session/principal.js';
import { type OrgAct, type OrgTarget, may, roleNeeded } from './org.policy.js';

/** Who asks for something, and from where. */
export interface Caller {
  readonly principal: Principal;
  readonly origin: RequestOrigin;
}

/** Somebody who is just logging in, before there is a session. */
export interface Arrival {
  readonly userId: string;
  readonly origin: RequestOrigin;
}

const idSchema = z.uuid().toLowerCase();

/** An id in a path. @throws {Problem} `not_found` for what can't be one. */
export function requireId(given: string): string {
  const parsed = idSchema.safeParse(given);
  if (!parsed.success) {
    throw new Problem('not_found', { reason: 'id_malformed' });
  }
  return parsed.data;
}

/** Whether somebody administers the whole deployment. */
export function isAdministrator({ claims }: Principal): boolean {
  return claims.roles?.includes('admin') === true;
}

/** What a caller is to an organisation. */
export interface CallerStanding {
  /** As SQL says it now; null for no member. */
  readonly role: OrgRole | null;
  /** Whether they administer the whole deployment: as SQL says it now wherever something is changed. */
  readonly isAdministrator: boolean;
}

/** Standing of a caller who only reads: whether they administer the deployment, their token says. */
export function readerStanding(principal: Principal, role: OrgRole | null | undefined): CallerStanding {
  return { role: role ?? null, isAdministrator: isAdministrator(principal) };
}

/**
 * Asks the policy. Administrators of the deployment who are members too may do what either may.
 * @throws {Problem} `not_found` when they must not know of the organisation, else `forbidden`.
 */
export function requireMay(
  { role, isAdministrator }: CallerStanding,
  act: OrgAct,
  target: OrgTarget = {},
): void {
  const verdicts = new Set([
    may(role ?? 'none', act, target),
    isAdministrator ? may('system', act, target) : 'hidden',
  ]);
  if (verdicts.has('allow')) {
    return;
  }
  throw verdicts.has('forbid')
    ? orgRoleMissing(roleNeeded(act, target))
    : new Problem('not_found', { reason: 'org_hidden' });
}
