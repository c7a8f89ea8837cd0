import { Injectable } from '@nestjs/common';
import { inviteTokenOf } from '../accounts/invite.link.js';
import { type InviteSource, OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import type { ProviderIdentity, User, VouchedMembership } from '../directory/users/identity.js';
import { domainOf } from './hosted.domain.js';
import { InviteLookup, type OpenInvite } from './invite.lookup.js';
import { InviteRepository } from './invite.repository.js';
import { InviteRedemption } from './invite.redemption.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgEvents } from './org.events.js';
import { OrgRepository } from './org.repository.js';
import type { MembershipRow, OrgRole } from '../platform/database/database.schema.js';
import type { ClientInfo } from '../platform/http/client.info.js';

/** Makes users members of organisations when they log in: by e-mail domain, or by an invite. Implements the accounts' port. */
@Injectable()
export class OrgLoginAutoJoin extends OrgAutoJoin {
  readonly #members: MembershipRepository;
  readonly #redemption: InviteRedemption;
  readonly #invites: InviteRepository;
  readonly #events: OrgEvents;
  readonly #lookup: InviteLookup;
  readonly #orgs: OrgRepository;

  constructor(
    members: MembershipRepository,
    redemption: InviteRedemption,
    invites: InviteRepository,
    events: OrgEvents,
    lookup: InviteLookup,
    orgs: OrgRepository,
  ) {
    super();
    this.#members = members;
    this.#redemption = redemption;
    this.#invites = invites;
    this.#events = events;
    this.#lookup = lookup;
    this.#orgs = orgs;
  }

  override async joinByDomain(user: User, client: ClientInfo): Promise<'joined' | 'member' | 'none'> {
    const domain = user.emailVerified ? domainOf(user.email) : undefined;
    const found = domain === undefined ? undefined : await this.#members.joinByDomain(user, domain);
    if (found?.isNew !== true) {
      return found === undefined ? 'none' : 'member';
    }
    const { orgId } = found;
    await this.#events.membershipChanged(user.id);
    const actor = { userId: user.id, client: client };
    await this.#events.record(actor, { type: 'member_added', orgId, reason: 'domain_login' });
    return 'joined';
  }

  override async joinByConnection(
    userId: string,
    membership: VouchedMembership,
    client?: ClientInfo,
  ): Promise<boolean> {
    const { orgId } = membership;
    // Most logins and renewals change nothing, and lock nothing.
    if (roleAfter(await this.#members.find(orgId, userId), membership) === undefined) {
      return false;
    }
    const change = await this.#orgs.withLocked(orgId, async (org) => {
      const known = await org.find(userId);
      const role = roleAfter(known, membership);
      if (role === undefined) {
        return undefined;
      }
      if (known?.state !== 'active') {
        await org.put(userId, { role, state: 'active' }, this.#orgs.time.now);
        return { type: 'member_added', reason: 'connection_login' } as const;
      }
      await org.setRole(userId, role);
      if (role === 'member') {
        await org.revokeInvitesBy(userId, this.#orgs.time.now);
      }
      return { type: 'member_role_changed', reason: `${known.role}_to_${role}` } as const;
    });
    if (change === undefined) {
      return false;
    }
    await this.#events.membershipChanged(userId);
    const event = { ...change, userId, orgId };
    await (client === undefined
      ? this.#events.recordBySystem(event)
      : this.#events.record({ userId, client }, event));
    return true;
  }

  override async redeemInvite(user: User, token: string, client: ClientInfo): Promise<void> {
    await this.#redemption.redeem({ userId: user.id, client: client }, token);
  }

  override async withdrawInvitesBy(userId: string, before: number, client: ClientInfo): Promise<void> {
    const reason = 'owner_proven';
    for (const { id, org_id: orgId } of await this.#invites.revokeBy(userId, before)) {
      const target = { kind: 'invite', id } as const;
      await this.#events.record(
        { userId, client: client },
        { type: 'invite_revoked', orgId, target, reason },
      );
    }
  }

  override async hasOpenInvite(inviteSource: InviteSource): Promise<boolean> {
    return (await this.#inviteSource(inviteSource)) !== undefined;
  }

  override async isInvited(
    { email, emailVerified }: Pick<ProviderIdentity, 'email' | 'emailVerified'>,
    inviteSource: InviteSource,
  ): Promise<boolean> {
    const address = email?.toLowerCase();
    const invite = await this.#inviteSource(inviteSource);
    if (invite !== undefined && (invite.email === null || invite.email === address)) {
      return true;
    }
    return emailVerified && address !== undefined && (await this.#lookup.isWaitingFor(address));
  }

  async #inviteSource({ token, destination }: InviteSource): Promise<OpenInvite | undefined> {
    const found = token ?? inviteTokenOf(destination);
    return found === undefined ? undefined : this.#lookup.findOpen(found);
  }
}

/** The role that a member gets by a connection; undefined if nothing changes. */
function roleAfter(
  known: Pick<MembershipRow, 'role' | 'state'> | undefined,
  { role, isRuled }: VouchedMembership,
): OrgRole | undefined {
  if (known === undefined || known.state === 'requested') {
    return role;
  }
  const isFollowed = known.state === 'active' && known.role !== 'owner' && isRuled;
  return isFollowed && known.role !== role ? role : undefined;
}
