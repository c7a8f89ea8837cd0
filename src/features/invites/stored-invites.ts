import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { InviteFeature, OpenInvite } from '../../accounts/invites.js';
import type { User } from '../../directory/users/identity.js';
import { OrgEvents } from '../../orgs/org-events.js';
import type { MembershipRow, OrgRole, Schema } from '../../platform/database/database.schema.js';
import type { ClientInfo } from '../../platform/http/client-info.js';
import { InviteLookup } from './invite-lookup.js';
import { InviteRedemption } from './invite-redemption.js';
import { InviteRepository } from './invite.repository.js';
import { inviteEvents } from './invite-audit-events.js';

/** Invites as they are stored, for accounts, logins and memberships. */
@Injectable()
export class StoredInvites implements InviteFeature {
  constructor(
    private readonly invites: InviteRepository,
    private readonly lookup: InviteLookup,
    private readonly redemption: InviteRedemption,
    private readonly events: OrgEvents,
  ) {}

  async findOpen(token: string): Promise<OpenInvite | undefined> {
    return this.lookup.findOpen(token);
  }

  async findAwaiting(email: string, byAdministrator: boolean): Promise<string | undefined> {
    return this.invites.findAwaiting(email, byAdministrator);
  }

  async admit(transaction: Transaction<Schema>, inviteId: string, userId: string): Promise<boolean> {
    return this.invites.admit(transaction, inviteId, userId);
  }

  async accept({ id: userId }: User, token: string, client: ClientInfo): Promise<void> {
    await this.redemption.redeem({ userId, client }, token);
  }

  async withdrawBy(userId: string, before: number, client: ClientInfo): Promise<void> {
    const reason = 'owner_proven';
    for (const { id, org_id: orgId } of await this.invites.revokeBy(userId, before)) {
      const target = { kind: 'invite', id } as const;
      const event = { type: inviteEvents.invite_revoked.type, target, reason } as const;
      await this.events.record({ userId, client }, { ...event, ...(orgId === null ? {} : { orgId }) });
    }
  }

  async withdrawBeyond(
    transaction: Transaction<Schema>,
    member: MembershipRow,
    role: OrgRole,
  ): Promise<void> {
    await this.invites.revokeBeyond(transaction, member, role);
  }
}
