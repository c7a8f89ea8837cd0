import { Injectable } from '@nestjs/common';
import type { Caller } from '../../session/principal.js';
import { Clock } from '../../platform/time/clock.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { InviteRow, OrgRole } from '../../platform/database/database.schema.js';
import { InviteRepository } from './invite.repository.js';
import { codeHash } from '../../platform/crypto/one-time-code.js';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import { MembershipRepository, type PersonAddress } from '../../orgs/membership.repository.js';
import { type Arrival, requireId } from '../../orgs/org-access.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { OrgRepository } from '../../orgs/org.repository.js';
import { requireActiveUser } from '../../directory/users/user-rules.js';
import { inviteEvents } from './invite-audit-events.js';

/** The membership that an invite led to; null for one that only gave an account. */
export interface Redeemed {
  readonly orgId: string | null;
  readonly role: OrgRole | null;
}

/** Verifies an address after the token that was mailed to it has been presented. @returns whether the address is now verified. */
export type AddressProof = (email: string) => Promise<boolean>;

/** Turns invites into memberships. Each invite works once. */
@Injectable()
export class InviteRedemption {
  constructor(
    private readonly orgs: OrgRepository,
    private readonly invites: InviteRepository,
    private readonly members: MembershipRepository,
    private readonly events: OrgEvents,
    private readonly clock: Clock,
  ) {}

  /**
   * Redeems an invite for the caller. A member with a higher role keeps it.
   * @param proof called if the invite was mailed to the caller's address and the address isn't verified yet.
   * @throws {Problem} `gone` if there is no such invite, it was used or withdrawn, has expired, or its author may no longer invite;
   *   `forbidden` if it is for another address; `email_unverified` if it is for the caller's address and the address isn't verified.
   */
  async redeem(by: Caller | Arrival, token: string, proof?: AddressProof): Promise<Redeemed> {
    const userId = 'principal' in by ? by.principal.user.id : by.userId;
    const invite = await this.invites.findByHash(codeHash(token));
    return this.#recorded(by, invite, async () => {
      if (invite === undefined) {
        throw gone('invite_unknown');
      }
      this.#requireOpen(invite);
      await requireAddress(invite, await this.members.requirePerson(userId), proof);
      return this.#redeem(by, invite, userId);
    });
  }

  /**
   * Redeems an invite for the caller's own address, without its link.
   * @param id as the caller gave it.
   * @throws {Problem} `email_unverified` if the caller's address isn't verified; `not_found` if the address has no invite with
   *   this id; `gone` if the invite was used or withdrawn, or has expired.
   */
  async accept(by: Caller, id: string): Promise<Redeemed> {
    const userId = by.principal.user.id;
    const invite = await this.#findOwn(by, id);
    return this.#recorded(by, invite, async () => {
      this.#requireOpen(invite);
      return this.#redeem(by, invite, userId);
    });
  }

  /**
   * Declines an invite for the caller's own address, which withdraws it.
   * @param id as the caller gave it.
   * @throws {Problem} as {@link accept} does.
   */
  async decline(by: Caller, id: string): Promise<void> {
    const invite = await this.#findOwn(by, id);
    this.#requireOpen(invite);
    if (!(await this.invites.revoke(invite.id))) {
      throw gone('invite_over');
    }
    await this.events.record(by, {
      type: inviteEvents.invite_declined.type,
      target: { kind: 'invite', id: invite.id },
      ...orgOf(invite),
    });
  }

  /** An invite for the caller's own address, which must be verified: a claimed address must not reveal its invites. */
  async #findOwn({ principal }: Caller, id: string): Promise<InviteRow> {
    const { email, isVerified } = await this.members.requirePerson(principal.user.id);
    if (email !== null && !isVerified) {
      throw unverified('accept the invite again');
    }
    const invite =
      email === null ? undefined : await this.invites.findFor(foldIdentifier(email), requireId(id));
    if (invite === undefined) {
      throw new Problem('not_found', { reason: 'no_such_invite' });
    }
    return invite;
  }

  /** Runs an attempt to redeem an invite, and records a refusal in the audit trail. */
  async #recorded(
    by: Caller | Arrival,
    invite: InviteRow | undefined,
    attempt: () => Promise<Redeemed>,
  ): Promise<Redeemed> {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Problem && error.definition.status < 500) {
        await this.events.record(by, {
          type: inviteEvents.invite_redeemed.type,
          ...(invite === undefined
            ? {}
            : { target: { kind: 'invite', id: invite.id } as const, ...orgOf(invite) }),
          reason: error.reason,
          outcome: 'failure',
        });
      }
      throw error;
    }
  }

  async #redeem(by: Caller | Arrival, invite: InviteRow, userId: string): Promise<Redeemed> {
    const { id, org_id: orgId } = invite;
    if (orgId === null) {
      return this.#redeemForAccount(by, invite, userId);
    }
    const { role, change } = await this.#lockedOrGone(orgId, async (org) => {
      await requireActiveUser(org.transaction, userId);
      if (!(await org.isInviteHeld(invite)) || !(await this.invites.take(id, userId, org.transaction))) {
        throw gone('invite_over');
      }
      return org.admit(userId, invite.role, this.clock.now());
    });
    if (change !== 'none') {
      await this.events.membershipChanged(userId);
    }
    await this.events.record(by, {
      type: inviteEvents.invite_redeemed.type,
      target: { kind: 'invite', id },
      orgId,
    });
    if (change === 'added') {
      await this.events.record(by, { type: 'member_added', orgId, reason: 'invite' });
    } else if (change === 'raised') {
      await this.events.record(by, { type: 'member_role_changed', orgId, reason: 'invite' });
    }
    return { orgId, role };
  }

  async #redeemForAccount(by: Caller | Arrival, invite: InviteRow, userId: string): Promise<Redeemed> {
    // Its author may have lost the role since.
    const isOpen = (await this.invites.findOpenByHash(invite.token_hash)) !== undefined;
    if (!isOpen || !(await this.invites.take(invite.id, userId))) {
      throw gone('invite_over');
    }
    await this.events.record(by, {
      type: inviteEvents.invite_redeemed.type,
      target: { kind: 'invite', id: invite.id },
    });
    return { orgId: null, role: null };
  }

  /** Works on the locked organisation. @throws {Problem} `gone` if it has been deleted: its invites are deleted too. */
  async #lockedOrGone<T>(...given: Parameters<typeof OrgRepository.prototype.withLocked<T>>): Promise<T> {
    try {
      return await this.orgs.withLocked<T>(...given);
    } catch (error) {
      throw error instanceof Problem && error.code === 'not_found' ? gone('org_gone') : error;
    }
  }

  #requireOpen(invite: InviteRow): void {
    const state = this.invites.stateOf(invite);
    if (state !== 'open') {
      throw gone(`invite_${state}`);
    }
  }
}

/** The organisation of an invite, for the audit trail. */
function orgOf({ org_id: orgId }: InviteRow): { readonly orgId?: string } {
  return orgId === null ? {} : { orgId };
}

/**
 * Requires that the invite is for this address, and that the address is verified. An unverified address is only a claim: anyone
 * could register with it and get in.
 */
async function requireAddress(
  { email, mailed_at: mailedAt }: InviteRow,
  address: PersonAddress,
  proof: AddressProof | undefined,
): Promise<void> {
  if (email === null) {
    return;
  }
  if (foldIdentifier(address.email ?? '') !== email) {
    throw new Problem('forbidden', {
      detail: 'This invite is for somebody else.',
      reason: 'invite_for_somebody_else',
    });
  }
  // A link proves control of the mailbox only if it was mailed there and shown to no one else, including the inviter.
  const isProven = address.isVerified || (mailedAt !== null && (await proof?.(email)) === true);
  if (!isProven) {
    throw unverified('open the link again');
  }
}

/** The refusal of an unverified address. @param next what to do after the address has been verified. */
function unverified(next: string): Problem {
  return new Problem('email_unverified', {
    detail: `This invite needs a verified e-mail address: verify it, and ${next}.`,
    reason: 'invite_email_unverified',
  });
}

function gone(reason: string): Problem {
  return new Problem('gone', { detail: 'This invite can no longer be used.', reason });
}
