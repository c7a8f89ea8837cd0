import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import type { MembershipRow, OrgRole } from '../database/database.schema.js';
import { type Page, decodeCursor, toPage } from '../http/page.cursor.js';
import type { Principal } from '../session/principal.js';
import { confirmedDomainOf } from './domain.proof.js';
import { domainOf } from './hosted.domain.js';
import { type MemberRow, MembershipRepository } from './membership.repository.js';
import { type Caller, readerStanding, requireId, requireMay } from './org.access.js';
import { OrgEvents } from './org.events.js';
import type { LockedOrg } from './org.lock.js';
import { OrgRepository } from './org.repository.js';
import type { MemberAnswer, Membership } from './org.schemas.js';
import type { PageQuery } from './orgs.service.js';

const positionSchema = z.uuid();

/** Members of organisations: who they are, what they may do, how they come and go. */
@Injectable()
export class MembersService {
  readonly #orgs: OrgRepository;
  readonly #members: MembershipRepository;
  readonly #events: OrgEvents;
  readonly #clock: Clock;

  constructor(orgs: OrgRepository, members: MembershipRepository, events: OrgEvents, clock: Clock) {
    this.#orgs = orgs;
    this.#members = members;
    this.#events = events;
    this.#clock = clock;
  }

  /** @throws {Problem} `not_found`, `forbidden` for requests that aren't the caller's to see. */
  async list(
    principal: Principal,
    given: string,
    { state, limit, cursor }: PageQuery & { readonly state: 'active' | 'requested' },
  ): Promise<Page<MemberAnswer>> {
    const id = requireId(given);
    const after = decodeCursor(positionSchema, cursor);
    const found = await this.#orgs.find(id, principal.user.id);
    const act = state === 'active' ? 'members.read' : 'requests.read';
    requireMay(readerStanding(principal, found?.role), act);
    if (found === undefined) {
      throw new Problem('not_found', { reason: 'no_such_org' });
    }
    const rows = await this.#members.listOf(id, state, limit + 1, after);
    return toPage(
      rows,
      limit,
      (row) => toAnswer(row, state),
      (row) => row.user_id,
    );
  }

  /**
   * Gives a member another role.
   * @throws {Problem} `not_found`, `forbidden`, `conflict` when the last owner would be none.
   */
  async setRole(
    caller: Caller,
    given: { readonly org: string; readonly user: string },
    role: OrgRole,
  ): Promise<Membership> {
    const [id, userId] = [requireId(given.org), requireId(given.user)];
    const { principal } = caller;
    const before = await this.#orgs.withLocked(id, async (org) => {
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
      if (role === 'member') {
        await org.revokeInvitesBy(userId, this.#clock.now());
      }
      return member.role;
    });
    if (before !== role) {
      await this.#events.membershipChanged(userId);
      await this.#events.record(caller, {
        type: 'member_role_changed',
        userId,
        orgId: id,
        reason: `${before}_to_${role}`,
      });
    }
    return { userId, role, state: 'active' };
  }

  /**
   * Removes a member; by themselves it's leaving.
   * @throws {Problem} `not_found`, `forbidden`, `conflict` for the last owner.
   */
  async remove(caller: Caller, given: { readonly org: string; readonly user: string }): Promise<void> {
    const [id, userId] = [requireId(given.org), requireId(given.user)];
    const { principal } = caller;
    const isLeaving = userId === principal.user.id;
    await this.#orgs.withLocked(id, async (org) => {
      const own = await org.standingOf(principal);
      if (!isLeaving) {
        requireMay(own, 'members.read');
      }
      const member = isLeaving ? await org.find(userId) : await requireMember(org, userId, 'active');
      if (isLeaving && member?.state === 'requested') {
        // A request that is withdrawn.
        await org.forget(userId);
        return;
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
      await org.revokeInvitesBy(userId, this.#clock.now());
    });
    await this.#events.membershipChanged(userId);
    await this.#events.record(caller, {
      type: 'member_removed',
      userId,
      orgId: id,
      reason: isLeaving ? 'left' : 'removed',
    });
  }

  /**
   * Joins by the organisation's e-mail domain: at once where it takes in everybody of it, else as a request. Who was
   * removed asks again whatever the policy.
   * @throws {Problem} `not_found` when the caller has no verified address of that domain.
   */
  async join(caller: Caller, given: string): Promise<Membership> {
    const id = requireId(given);
    const { id: userId } = caller.principal.user;
    const { email, isVerified } = await this.#members.requirePerson(userId);
    const domain = isVerified ? domainOf(email) : undefined;
    const { membership, hasChanged } = await this.#orgs.withLocked(id, async (org) => {
      const member = await org.find(userId);
      if (member?.state === 'active') {
        return { membership: toMembership(member, 'active'), hasChanged: false };
      }
      if (domain === undefined || confirmedDomainOf(org.row) !== domain || org.row.join_policy === 'invite') {
        throw new Problem('not_found', { reason: 'not_of_the_domain' });
      }
      const isAtOnce = org.row.join_policy === 'domain' && member?.state !== 'removed';
      const state = isAtOnce ? 'active' : 'requested';
      const hasChanged = member?.state !== state;
      if (hasChanged) {
        await org.put(userId, { role: 'member', state }, this.#clock.now());
      }
      return { membership: toMembership({ user_id: userId, role: 'member' }, state), hasChanged };
    });
    if (hasChanged && membership.state === 'active') {
      await this.#events.membershipChanged(userId);
      await this.#events.record(caller, { type: 'member_added', orgId: id, reason: 'domain' });
    } else if (hasChanged) {
      await this.#events.record(caller, { type: 'join_requested', orgId: id });
    }
    return membership;
  }

  /** Lets in somebody who has asked. @throws {Problem} `not_found`, `forbidden` */
  async approve(caller: Caller, given: { readonly org: string; readonly user: string }): Promise<Membership> {
    const { id, userId } = await this.#decide(caller, given, (org, userId) =>
      org.put(userId, { role: 'member', state: 'active' }, this.#clock.now()),
    );
    await this.#events.membershipChanged(userId);
    await this.#events.record(caller, { type: 'member_added', userId, orgId: id, reason: 'approved' });
    return { userId, role: 'member', state: 'active' };
  }

  /** Turns down somebody who has asked; they may ask again. @throws {Problem} `not_found`, `forbidden` */
  async reject(caller: Caller, given: { readonly org: string; readonly user: string }): Promise<void> {
    const { id, userId } = await this.#decide(caller, given, (org, userId) => org.forget(userId));
    await this.#events.record(caller, {
      type: 'member_removed',
      userId,
      orgId: id,
      reason: 'request_rejected',
    });
  }

  async #decide(
    { principal }: Caller,
    given: { readonly org: string; readonly user: string },
    work: (org: LockedOrg, userId: string) => Promise<void>,
  ): Promise<{ id: string; userId: string }> {
    const [id, userId] = [requireId(given.org), requireId(given.user)];
    await this.#orgs.withLocked(id, async (org) => {
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

/** An organisation keeps an owner. The rows are locked: of two owners who go at the same moment, one stays. */
async function requireOtherOwner(org: LockedOrg, member: MembershipRow): Promise<void> {
  if (member.role === 'owner' && !(await org.hasOtherOwner(member.user_id))) {
    throw new Problem('conflict', {
      detail: 'An organisation needs an owner: make somebody else one first, or delete it.',
      reason: 'last_owner',
    });
  }
}

function toMembership(
  { user_id, role }: Pick<MembershipRow, 'user_id' | 'role'>,
  state: Membership['state'],
): Membership {
  return { userId: user_id, role, state };
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
    since: new Date(row.created_at).toISOString(),
  };
}
