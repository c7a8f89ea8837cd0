import type { OrgRole } from '../database/database.schema.js';

/** What somebody is to an organisation: a role in it, an administrator of the deployment, or nobody. */
export type Standing = OrgRole | 'system' | 'none';

/** Everything that can be done to an organisation. */
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
  | 'key.revoke';

/** Whom or what an act is about, where that matters. */
export interface OrgTarget {
  /** Role of the member, or of the invite, as it is. */
  readonly role?: OrgRole;
  /** Role that it's to have. */
  readonly newRole?: OrgRole;
}

/** `hidden`: whoever asks must not learn that there is such an organisation. */
export type Verdict = 'allow' | 'forbid' | 'hidden';

/** Least role for each act. An administrator of the deployment stands as an owner, except in what only a member can do. */
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
};

const membersOnly: ReadonlySet<OrgAct> = new Set(['org.switch', 'member.leave']);
const ranks: Readonly<Record<OrgRole, number>> = { member: 1, admin: 2, owner: 3 };

/** The higher of two roles. */
export function higherRole(one: OrgRole, other: OrgRole): OrgRole {
  return ranks[one] >= ranks[other] ? one : other;
}

/**
 * The one place that says who may do what to an organisation. Owner > admin > member: nobody touches a role above their
 * own, nor gives one. That an organisation keeps an owner is a rule about rows and stands where these are locked.
 */
export function may(standing: Standing, act: OrgAct, target: OrgTarget = {}): Verdict {
  if (standing === 'none' || (standing === 'system' && membersOnly.has(act))) {
    return 'hidden';
  }
  const role = standing === 'system' ? 'owner' : standing;
  return ranks[role] >= ranks[roleNeeded(act, target)] ? 'allow' : 'forbid';
}

/** The least role in the organisation that may act on a target. */
export function roleNeeded(act: OrgAct, { role, newRole }: OrgTarget = {}): OrgRole {
  return [role, newRole].reduce<OrgRole>(
    (least, other) => (other === undefined ? least : higherRole(least, other)),
    leastRole[act],
  );
}
