import type { OrgRole } from '../platform/database/database.schema.js';
import { isAtLeast } from '../session/guards/authorization.js';

/** The standing of a caller: a role in the organisation, `system` for an administrator of the deployment, or `none`. */
export type Standing = OrgRole | 'system' | 'none';

/** All acts on an organisation. */
export type OrgAct =
  | 'org.read'
  | 'org.update'
  | 'org.delete'
  | 'org.switch'
  | 'members.read'
  | 'requests.read'
  | 'requests.decide'
  | 'member.set_role'
  | 'member.remove'
  | 'member.leave'
  | 'invites.read'
  | 'invite.create'
  | 'invite.revoke'
  | 'keys.read'
  | 'key.create'
  | 'key.revoke'
  | 'applications.read'
  | 'application.write'
  | 'connections.read'
  | 'connection.write';

/** The member or invite that an act is about. Only the roles matter. */
export interface OrgTarget {
  /** The current role of the member or the invite. */
  readonly role?: OrgRole;
  /** The role that the act would give. */
  readonly newRole?: OrgRole;
}

/** The policy's verdict. `hidden` means that the caller must not learn that the organisation exists. */
export type Verdict = 'allow' | 'forbid' | 'hidden';

/** The lowest role that may do each act. An administrator of the deployment counts as an owner, but not as a member. */
const leastRole: Readonly<Record<OrgAct, OrgRole>> = {
  'org.read': 'member',
  'org.update': 'owner',
  'org.delete': 'owner',
  'org.switch': 'member',
  'members.read': 'member',
  'requests.read': 'admin',
  'requests.decide': 'admin',
  'member.set_role': 'admin',
  'member.remove': 'admin',
  'member.leave': 'member',
  'invites.read': 'admin',
  'invite.create': 'admin',
  'invite.revoke': 'admin',
  'keys.read': 'admin',
  'key.create': 'admin',
  'key.revoke': 'admin',
  'applications.read': 'owner',
  'application.write': 'owner',
  'connections.read': 'owner',
  'connection.write': 'owner',
};

const membersOnly: ReadonlySet<OrgAct> = new Set(['org.switch', 'member.leave']);

/** Whether a member may do this without the second factor that the organisation requires. */
export function needsNoFactor(act: OrgAct): boolean {
  return act === 'member.leave';
}

/** The higher of two roles. */
export function higherRole(one: OrgRole, other: OrgRole): OrgRole {
  return isAtLeast(one, other) ? one : other;
}

/**
 * Decides what a caller may do to an organisation. No other code makes this decision. Owner > admin > member: no caller changes
 * or gives a role above their own. The rule that an organisation keeps an owner needs locked rows, so it isn't decided here.
 */
export function may(standing: Standing, act: OrgAct, target: OrgTarget = {}): Verdict {
  if (standing === 'none' || (standing === 'system' && membersOnly.has(act))) {
    return 'hidden';
  }
  const role = standing === 'system' ? 'owner' : standing;
  return isAtLeast(role, roleNeeded(act, target)) ? 'allow' : 'forbid';
}

/** The lowest role in the organisation that may do an act to a target. */
export function roleNeeded(act: OrgAct, { role, newRole }: OrgTarget = {}): OrgRole {
  return [role, newRole].reduce<OrgRole>(
    (least, other) => (other === undefined ? least : higherRole(least, other)),
    leastRole[act],
  );
}
