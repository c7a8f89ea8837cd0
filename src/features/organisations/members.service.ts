import { Injectable } from '@nestjs/common';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import { idSchema } from '../../platform/core/id.schema.js';
import { Clock } from '../../platform/time/clock.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { MembershipRow, OrgRole } from '../../platform/database/database.schema.js';
import { type Page, type PageQuery, decodeCursor, toPage } from '../../platform/http/page-cursor.js';
import type { Caller, Principal } from '../../session/principal.js';
import { confirmedDomainOf } from '../../orgs/domain-proof.js';
import { domainOf } from './hosted-domain.js';
import { type MemberRow, MembershipRepository } from '../../orgs/membership.repository.js';
import { requireId, requireMay, requireReadable } from '../../orgs/org-access.js';
import { OrgEvents } from '../../orgs/org-events.js';
import type { LockedOrg } from '../../orgs/org-lock.js';
import { OrgRepository } from '../../orgs/org.repository.js';
import type { MemberAnswer, Membership } from './org-management.schemas.js';
import { InviteRepository } from '../invites/invite.repository.js';
import { orgEvents } from './org-audit-events.js';

/** An organisation and a user, by their ids as the caller gave them. */
interface GivenMember {
  readonly org: string;
  readonly user: string;
}

/** Lists, admits and removes members of organisations, and changes their roles, if the policy allows the caller to. */
@Injectable()
export class MembersService {
  constructor(
    private readonly orgs: OrgRepository,
    private readonly members: MembershipRepository,
    private readonly events: OrgEvents,
    private readonly clock: Clock,
    private readonly invites: InviteRepository,
  ) {}

  /** Lists members or join requests. @throws {Problem} `not_found`; `forbidden` for requests that the caller may not see. */
  async list(
    principal: Principal,
    given: string,
    { state, limit, cursor }: PageQuery & { readonly state: 'active' | 'requested' },
  ): Promise<Page<MemberAnswer>> {
    const id = requireId(given);
    const after = decodeCursor(idSchema, cursor);
    const act = state === 'active' ? 'members.read' : 'requests.read';
    requireReadable(principal, await this.orgs.find(id, principal), act);
    const rows = await this.members.listOf(id, state, limit + 1, after);
    return toPage(
      rows,
      limit,
      (row) => toAnswer(row, state),
      (row) => row.user_id,
    );
  }

  /**
   * Gives a member another role.
   * @throws {Problem} `not_found`, `forbidden`; `owner_needed` if no owner would be left; `conflict` if a service account would become
   *   one.
   */
  async setRole(caller: Caller, given: GivenMember, role: OrgRole): Promise<Membership> {
    const [id, userId] = [requireId(given.org), requireId(given.user)];
    const { principal } = caller;
    const { before, lowered } = await this.orgs.withLocked(id, async (org) => {
      const own = await org.standingOf(principal);
      requireMay(own, 'members.read');
      const member = await requireMember(org, userId, 'active');
      requireMay(own, 'member.set_role', { role: member.role, newRole: role });
      if (member.kind === 'service' && role === 'owner') {
        throw new Problem('conflict', {
          detail: 'Only a person can be an owner.',
          reason: 'owner_not_a_person',
        });
      }
      if (role !== 'owner') {
        await requireOtherOwner(org, member);
      }
      await org.setRole(userId, role);
      await this.invites.revokeBeyond(org.transaction, member, role);
      const lowered = member.role === role ? [] : await this.events.rightsTaken(org, userId);
      return { before: member.role, lowered };
    });
    if (before !== role) {
      await this.events.rightsLost(caller, userId, lowered);
      await this.events.record(caller, {
        type: 'member_role_changed',
        userId,
        orgId: id,
        reason: `${before}_to_${role}`,
      });
    }
    return { userId, role, state: 'active' };
  }

  /**
   * Removes a member. Callers who name themselves leave, or withdraw their join request.
   * @throws {Problem} `not_found`, `forbidden`, `owner_needed` for the last owner.
   */
  async remove(caller: Caller, given: GivenMember): Promise<void> {
    const [id, userId] = [requireId(given.org), requireId(given.user)];
    const { principal } = caller;
    const isLeaving = userId === principal.user.id;
    const lowered = await this.orgs.withLocked(id, async (org) => {
      const own = await org.standingOf(principal);
      if (!isLeaving) {
        requireMay(own, 'members.read');
      }
      const member = isLeaving ? await org.find(userId) : await requireMember(org, userId, 'active');
      if (isLeaving && member?.state === 'requested') {
        // The caller withdraws their join request.
        await org.forget(userId);
        return [];
      }
      requireMay(
        own,
        isLeaving ? 'member.leave' : 'member.remove',
        member === undefined || isLeaving ? {} : { role: member.role },
      );
      if (member !== undefined) {
        await requireOtherOwner(org, member);
      }
      await org.setState(userId, isLeaving ? 'left' : 'removed');
      const gone = { org_id: id, user_id: userId };
      await this.invites.revokeMadeBy(org.transaction, gone);
      if (!isLeaving) {
        await this.invites.revokeFor(org.transaction, gone);
      }
      return this.events.rightsTaken(org, userId);
    });
    await this.events.rightsLost(caller, userId, lowered);
    await this.events.record(caller, {
      type: orgEvents.member_removed.type,
      userId,
      orgId: id,
      reason: isLeaving ? 'left' : 'removed',
    });
  }

  /**
   * Joins an organisation by its e-mail domain. If the organisation admits all users of the domain, the caller becomes a member
   * at once; otherwise this makes a join request. A removed member must always ask.
   * @throws {Problem} `not_found` if the caller has no verified address of that domain, or the organisation admits members only
   *   by invite; `forbidden` for service accounts.
   */
  async join(caller: Caller, given: string): Promise<Membership> {
    const id = requireId(given);
    const { id: userId } = caller.principal.user;
    const { email, isVerified } = await this.members.requirePerson(userId);
    const domain = isVerified ? domainOf(email) : undefined;
    const { role, state, hasChanged } = await this.orgs.withLocked(id, async (org) => {
      const member = await org.find(userId);
      if (member?.state === 'active') {
        return { role: member.role, state: 'active' as const, hasChanged: false };
      }
      if (domain === undefined || confirmedDomainOf(org.row) !== domain || org.row.join_policy === 'invite') {
        throw new Problem('not_found', { reason: 'not_of_the_domain' });
      }
      const isAtOnce = org.row.join_policy === 'domain' && member?.state !== 'removed';
      const state: Membership['state'] = isAtOnce ? 'active' : 'requested';
      const hasChanged = member?.state !== state;
      if (hasChanged) {
        await org.put(userId, { role: 'member', state }, this.clock.now());
      }
      return { role: 'member' as const, state, hasChanged };
    });
    if (hasChanged && state === 'active') {
      await this.events.membershipChanged(userId);
      await this.events.record(caller, { type: 'member_added', orgId: id, reason: 'domain' });
    } else if (hasChanged) {
      await this.events.record(caller, { type: orgEvents.join_requested.type, orgId: id });
    }
    return { userId, role, state };
  }

  /** Approves a join request. @throws {Problem} `not_found`, `forbidden` */
  async approve(caller: Caller, given: GivenMember): Promise<Membership> {
    const { id, userId } = await this.#decide(caller, given, (org, userId) =>
      org.put(userId, { role: 'member', state: 'active' }, this.clock.now()),
    );
    await this.events.membershipChanged(userId);
    await this.events.record(caller, { type: 'member_added', userId, orgId: id, reason: 'approved' });
    return { userId, role: 'member', state: 'active' };
  }

  /** Rejects a join request. The user may ask again. @throws {Problem} `not_found`, `forbidden` */
  async reject(caller: Caller, given: GivenMember): Promise<void> {
    const { id, userId } = await this.#decide(caller, given, (org, userId) => org.forget(userId));
    await this.events.record(caller, {
      type: orgEvents.member_removed.type,
      userId,
      orgId: id,
      reason: 'request_rejected',
    });
  }

  async #decide(
    { principal }: Caller,
    given: GivenMember,
    work: (org: LockedOrg, userId: string) => Promise<void>,
  ): Promise<{ id: string; userId: string }> {
    const [id, userId] = [requireId(given.org), requireId(given.user)];
    await this.orgs.withLocked(id, async (org) => {
      requireMay(await org.standingOf(principal), 'requests.decide');
      await requireMember(org, userId, 'requested');
      await work(org, userId);
    });
    return { id, userId };
  }
}

async function requireMember(
  org: LockedOrg,
  userId: string,
  state: MembershipRow['state'],
): Promise<NonNullable<Awaited<ReturnType<LockedOrg['find']>>>> {
  const member = await org.find(userId);
  if (member?.state !== state) {
    throw new Problem('not_found', { reason: 'no_such_member' });
  }
  return member;
}

/**
 * Requires that the organisation keeps an owner without this member. The organisation is locked, so if its last two owners leave
 * at the same time, one is refused.
 * @throws {Problem} `owner_needed`
 */
async function requireOtherOwner(org: LockedOrg, member: MembershipRow): Promise<void> {
  if (member.role === 'owner' && !(await org.hasOtherOwner(member.user_id))) {
    throw new Problem('owner_needed', {
      detail: 'An organisation needs an owner: make somebody else one first, or delete it.',
      reason: 'last_owner',
    });
  }
}

function toAnswer(row: MemberRow, state: Membership['state']): MemberAnswer {
  return {
    user: {
      id: row.user_id,
      name: row.name,
      email: row.email,
      emailVerified: row.email_verified === 1,
      picture: row.picture,
    },
    role: row.role,
    state,
    since: toTimestamp(row.created_at),
  };
}
