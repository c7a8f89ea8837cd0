import { Injectable } from '@nestjs/common';
import { Invites } from '../accounts/invites.js';
import { OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import type { VouchedMembership } from '../directory/users/identity.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgEvents } from './org-events.js';
import { OrgRepository } from './org.repository.js';
import type { MembershipRow, OrgRole } from '../platform/database/database.schema.js';
import type { ClientInfo } from '../platform/http/client-info.js';

type VouchedRole = Pick<VouchedMembership, 'role' | 'isRuled'>;

/** Makes users members of organisations when they log in by their connection. Implements the accounts' port. */
@Injectable()
export class OrgLoginAutoJoin extends OrgAutoJoin {
  constructor(
    private readonly members: MembershipRepository,
    private readonly invites: Invites,
    private readonly events: OrgEvents,
    private readonly orgs: OrgRepository,
  ) {
    super();
  }

  override async joinByConnection(
    userId: string,
    membership: VouchedMembership,
    client?: ClientInfo,
  ): Promise<boolean> {
    const { orgId, connection } = membership;
    // Most logins and renewals change nothing, and lock nothing.
    if (roleAfter(await this.members.find(orgId, userId), membership) === undefined) {
      return false;
    }
    const change = await this.orgs.withLocked(orgId, async (org) => {
      const known = await org.find(userId);
      const role = roleAfter(known, currentOf(membership, await org.versionOfConnection(connection.id)));
      if (role === undefined) {
        return undefined;
      }
      if (known?.state !== 'active') {
        await org.put(userId, { role, state: 'active' }, this.orgs.time.now);
        return { type: 'member_added', reason: 'connection_login', lowered: [] } as const;
      }
      await org.setRole(userId, role);
      await this.invites.feature.withdrawBeyond(org.transaction, known, role);
      const lowered = await this.events.rightsTaken(org, userId);
      return { type: 'member_role_changed', reason: `${known.role}_to_${role}`, lowered } as const;
    });
    if (change === undefined) {
      return false;
    }
    const { lowered, ...changed } = change;
    const actor = client && { userId, client };
    await this.events.rightsLost(actor, userId, lowered);
    const event = { ...changed, userId, orgId };
    await (actor === undefined ? this.events.recordBySystem(event) : this.events.record(actor, event));
    return true;
  }
}

/**
 * What is left of a membership that was stated before the organisation was locked: nothing, if the connection has been removed since; if it
 * was changed, a new member has the least role, and the next renewal applies the rules.
 */
function currentOf(
  { connection, role, isRuled }: VouchedMembership,
  version: number | undefined,
): VouchedRole | undefined {
  if (version === undefined) {
    return undefined;
  }
  return version === connection.version ? { role, isRuled } : { role: 'member', isRuled: false };
}

/** The role that a member gets by a connection; undefined if nothing changes. */
function roleAfter(
  known: Pick<MembershipRow, 'role' | 'state'> | undefined,
  vouched: VouchedRole | undefined,
): OrgRole | undefined {
  if (vouched === undefined) {
    return undefined;
  }
  const { role, isRuled } = vouched;
  if (known === undefined || known.state === 'requested') {
    return role;
  }
  const isFollowed = known.state === 'active' && known.role !== 'owner' && isRuled;
  return isFollowed && known.role !== role ? role : undefined;
}
