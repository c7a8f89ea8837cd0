import { Injectable } from '@nestjs/common';
import { inviteTokenOf } from '../accounts/invite.link.js';
import { type InviteSource, OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import type { ProviderIdentity, User } from '../directory/users/identity.js';
import { domainOf } from './hosted.domain.js';
import { InviteLookup, type OpenInvite } from './invite.lookup.js';
import { InviteRepository } from './invite.repository.js';
import { InviteRedemption } from './invite.redemption.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgEvents } from './org.events.js';
import type { ClientInfo } from '../platform/http/client.info.js';

/** Makes users members of organisations when they log in: by e-mail domain, or by an invite. Implements the accounts' port. */
@Injectable()
export class OrgLoginAutoJoin extends OrgAutoJoin {
  readonly #members: MembershipRepository;
  readonly #redemption: InviteRedemption;
  readonly #invites: InviteRepository;
  readonly #events: OrgEvents;
  readonly #lookup: InviteLookup;

  constructor(
    members: MembershipRepository,
    redemption: InviteRedemption,
    invites: InviteRepository,
    events: OrgEvents,
    lookup: InviteLookup,
  ) {
    super();
    this.#members = members;
    this.#redemption = redemption;
    this.#invites = invites;
    this.#events = events;
    this.#lookup = lookup;
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
