import { Injectable } from '@nestjs/common';
import type { RequestOrigin } from '../auth/auth.service.js';
import { inviteTokenOf } from '../auth/invite.link.js';
import { type BroughtLinks, OrgAdmission } from '../auth/org.admission.js';
import type { ProviderIdentity, User } from '../users/identity.js';
import { domainOf } from './hosted.domain.js';
import { InviteLookup, type OpenInvite } from './invite.lookup.js';
import { InviteRepository } from './invite.repository.js';
import { InviteRedemption } from './invite.redemption.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgEvents } from './org.events.js';

/** Organisations at a login: joined by e-mail domain, or by an invite that a program accepts for the person. */
@Injectable()
export class OrgLoginAdmission extends OrgAdmission {
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

  override async admitByDomain(user: User, origin: RequestOrigin): Promise<'joined' | 'member' | 'none'> {
    const domain = user.emailVerified ? domainOf(user.email) : undefined;
    const found = domain === undefined ? undefined : await this.#members.joinByDomain(user, domain);
    if (found?.isNew !== true) {
      return found === undefined ? 'none' : 'member';
    }
    const { orgId } = found;
    await this.#events.membershipChanged(user.id);
    const actor = { userId: user.id, origin };
    await this.#events.record(actor, { type: 'member_added', orgId, reason: 'domain_login' });
    return 'joined';
  }

  override async redeemInvite(user: User, token: string, origin: RequestOrigin): Promise<void> {
    await this.#redemption.redeem({ userId: user.id, origin }, token);
  }

  override async withdrawInvitesBy(userId: string, before: number, origin: RequestOrigin): Promise<void> {
    const reason = 'owner_proven';
    for (const { id, org_id: orgId } of await this.#invites.revokeBy(userId, before)) {
      const target = { kind: 'invite', id } as const;
      await this.#events.record({ userId, origin }, { type: 'invite_revoked', orgId, target, reason });
    }
  }

  override async bringsInvite(brought: BroughtLinks): Promise<boolean> {
    return (await this.#brought(brought)) !== undefined;
  }

  override async isInvited(
    { email, emailVerified }: Pick<ProviderIdentity, 'email' | 'emailVerified'>,
    brought: BroughtLinks,
  ): Promise<boolean> {
    const address = email?.toLowerCase();
    const invite = await this.#brought(brought);
    if (invite !== undefined && (invite.email === null || invite.email === address)) {
      return true;
    }
    return emailVerified && address !== undefined && (await this.#lookup.isWaitingFor(address));
  }

  async #brought({ token, destination }: BroughtLinks): Promise<OpenInvite | undefined> {
    const found = token ?? inviteTokenOf(destination);
    return found === undefined ? undefined : this.#lookup.findOpen(found);
  }
}
