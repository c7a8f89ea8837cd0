import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { inviteTokenOf } from '../accounts/invite-link.js';
import { type HeldInvite, type InviteSource, OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import type { User, VouchedMembership } from '../directory/users/identity.js';
import { InviteLookup } from './invite-lookup.js';
import { InviteRepository } from './invite.repository.js';
import { InviteRedemption } from './invite-redemption.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgEvents } from './org-events.js';
import { OrgRepository } from './org.repository.js';
import type { MembershipRow, OrgRole, Schema } from '../platform/database/database.schema.js';
import type { ClientInfo } from '../platform/http/client-info.js';

type VouchedRole = Pick<VouchedMembership, 'role' | 'isRuled'>;

/** Makes users members of organisations when they log in: by their connection, or by an invite. Implements the accounts' port. */
@Injectable()
export class OrgLoginAutoJoin extends OrgAutoJoin {
  constructor(
    private readonly members: MembershipRepository,
    private readonly redemption: InviteRedemption,
    private readonly invites: InviteRepository,
    private readonly events: OrgEvents,
    private readonly lookup: InviteLookup,
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
      await org.revokeInvitesBeyond(known, role, this.orgs.time.now);
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

  override async redeemInvite(user: User, token: string, client: ClientInfo): Promise<void> {
    await this.redemption.redeem({ userId: user.id, client: client }, token);
  }

  override async withdrawInvitesBy(userId: string, before: number, client: ClientInfo): Promise<void> {
    const reason = 'owner_proven';
    for (const { id, org_id: orgId } of await this.invites.revokeBy(userId, before)) {
      const target = { kind: 'invite', id } as const;
      const event = { type: 'invite_revoked', target, reason } as const;
      await this.events.record({ userId, client }, { ...event, ...(orgId === null ? {} : { orgId }) });
    }
  }

  override async heldInvite({ token, destination }: InviteSource): Promise<HeldInvite | undefined> {
    const found = token ?? inviteTokenOf(destination);
    return found === undefined ? undefined : this.lookup.findOpen(found);
  }

  override async findAwaiting(email: string, byAdministrator: boolean): Promise<string | undefined> {
    return this.invites.findAwaiting(email, byAdministrator);
  }

  override async admit(transaction: Transaction<Schema>, inviteId: string, userId: string): Promise<boolean> {
    return this.invites.admit(transaction, inviteId, userId);
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
