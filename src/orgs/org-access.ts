import { Problem } from '../platform/errors/problem.error.js';
import type { OrgRole, OrgRow } from '../platform/database/database.schema.js';
import { orgRoleMissing, secondFactorMissing } from '../session/guards/authorization.js';
import { type Principal, isAdministrator } from '../session/principal.js';
import { hasSecondFactor } from '../session/tokens/account-claims.js';
import { type OrgAct, type OrgTarget, type Verdict, may, needsNoFactor, roleNeeded } from './org.policy.js';
import { givenIdSchema } from '../platform/core/id.schema.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** A user who is logging in and has no session yet. */
export interface Arrival {
  readonly userId: string;
  readonly client: ClientInfo;
}

/** An organisation, and a user's role in it; the role is null if the user isn't an active member. */
export interface OrgOf {
  readonly org: OrgRow;
  readonly role: OrgRole | null;
}

/** An organisation that a user wants to read. */
export interface FoundOrg extends OrgOf {
  /** Whether its policy requires a second factor of the user by now. */
  readonly needsFactor: boolean;
}

/** The id that a caller gave in a path, in its canonical spelling. @throws {Problem} `not_found` if it isn't an id. */
export function requireId(given: string): string {
  const parsed = givenIdSchema.safeParse(given);
  if (!parsed.success) {
    throw new Problem('not_found', { reason: 'id_malformed' });
  }
  return parsed.data;
}

/** The standing of a caller in an organisation: their role, and whether they administer the deployment. */
export interface CallerStanding {
  /** The role in SQL; null for a caller who isn't a member. */
  readonly role: OrgRole | null;
  /** Whether they administer the whole deployment. For changes, SQL must confirm what the token states. */
  readonly isAdministrator: boolean;
  /** Whether the organisation's policy requires a second factor that the caller hasn't given. */
  readonly lacksFactor: boolean;
}

/** The standing of a caller who only reads. Their token alone decides whether they administer the deployment. */
export function readerStanding(principal: Principal, found: FoundOrg | undefined): CallerStanding {
  return {
    role: found?.role ?? null,
    isAdministrator: isAdministrator(principal),
    lacksFactor: found?.needsFactor === true && !hasSecondFactor(principal.claims),
  };
}

/** Requires that a caller may read an organisation. @throws {Problem} `not_found`, `forbidden` */
export function requireReadable(principal: Principal, found: FoundOrg | undefined, act: OrgAct): OrgOf {
  requireMay(readerStanding(principal, found), act);
  return requireFound(found);
}

/** @throws {Problem} `not_found` if there is no such organisation. */
export function requireFound(found: OrgOf | undefined): OrgOf {
  if (found === undefined) {
    throw new Problem('not_found', { reason: 'no_such_org' });
  }
  return found;
}

/**
 * Requires that the policy allows an act. A member who also administers the deployment may do whatever either of the two may do.
 * @throws {Problem} `not_found` if the caller must not learn that the organisation exists; `reauthentication_required` if a second
 *   factor is missing; otherwise `forbidden`.
 */
export function requireMay(
  { role, isAdministrator, lacksFactor }: CallerStanding,
  act: OrgAct,
  target: OrgTarget = {},
): void {
  if (lacksFactor && !needsNoFactor(act)) {
    throw secondFactorMissing();
  }
  const verdict = verdictOn({ role, isAdministrator }, act, target);
  if (verdict === 'allow') {
    return;
  }
  throw verdict === 'forbid'
    ? orgRoleMissing(roleNeeded(act, target))
    : new Problem('not_found', { reason: 'org_hidden' });
}

/** What the policy allows a caller who may be a member, an administrator of the deployment, or both. */
export function verdictOn(
  { role, isAdministrator }: Pick<CallerStanding, 'role' | 'isAdministrator'>,
  act: OrgAct,
  target: OrgTarget = {},
): Verdict {
  const verdicts = [
    may(role ?? 'none', act, target),
    isAdministrator ? may('system', act, target) : 'hidden',
  ] as const;
  return (
    verdicts.find((verdict) => verdict === 'allow') ??
    verdicts.find((verdict) => verdict === 'forbid') ??
    'hidden'
  );
}
