import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import type { InviteRow } from '../database/database.schema.js';
import { type Page, decodeCursor, toPage } from '../http/page.cursor.js';
import type { Principal } from '../session/principal.js';
import { InviteDelivery } from './invite.delivery.js';
import { InviteRepository } from './invite.repository.js';
import type { CreatedInvite, InviteAnswer, newInviteSchema } from './invite.schemas.js';
import { hashOfInvite, newInviteToken } from './invite.token.js';
import { MembershipRepository } from './membership.repository.js';
import { type Caller, readerStanding, requireId, requireMay } from './org.access.js';
import { OrgEvents } from './org.events.js';
import { OrgRepository } from './org.repository.js';
import type { PageQuery } from './orgs.service.js';

const positionSchema = z.uuid();
/** Open invites of one organisation: enough for people, too few for whoever wants to send mail to strangers. */
const maximumOpen = 200;

/** Invites: made, listed and withdrawn by those who may. */
@Injectable()
export class InvitesService {
  readonly #orgs: OrgRepository;
  readonly #invites: InviteRepository;
  readonly #members: MembershipRepository;
  readonly #delivery: InviteDelivery;
  readonly #events: OrgEvents;

  constructor(
    orgs: OrgRepository,
    invites: InviteRepository,
    members: MembershipRepository,
    delivery: InviteDelivery,
    events: OrgEvents,
  ) {
    this.#orgs = orgs;
    this.#invites = invites;
    this.#members = members;
    this.#delivery = delivery;
    this.#events = events;
  }

  /**
   * Makes an invite, and mails it when it's for an address and there is a mail server.
   * @param accepted the caller's `Accept-Language`, for the mail.
   * @throws {Problem} `not_found`, `forbidden`, `email_unverified` when it would be mailed for a caller without a verified address,
   *   `conflict` when there are too many open ones.
   */
  async create(
    caller: Caller,
    givenOrg: string,
    { email, role }: z.output<typeof newInviteSchema>,
    accepted: string | undefined,
  ): Promise<CreatedInvite> {
    const { principal } = caller;
    const token = newInviteToken();
    const isMailed = email !== undefined && this.#delivery.isByMail;
    const maySend = !isMailed || (await this.#members.isVerifiedSender(principal.user.id));
    const { invite, orgName } = await this.#orgs.withLocked(requireId(givenOrg), async (org) => {
      requireMay(await org.standingOf(principal), 'invite.create', { newRole: role });
      if (!maySend) {
        throw new Problem('email_unverified', {
          detail: 'Only who has a verified e-mail address can have invites mailed.',
          reason: 'sender_unverified',
        });
      }
      if ((await this.#invites.countOpen(org.transaction, org.row.id)) >= maximumOpen) {
        throw new Problem('conflict', {
          detail: `There are ${maximumOpen} open invites: revoke some first.`,
          reason: 'too_many_invites',
        });
      }
      const invite = await this.#invites.insert(org.transaction, {
        org_id: org.row.id,
        token_hash: hashOfInvite(token),
        email: email ?? null,
        role,
        created_by: principal.user.id,
      });
      return { invite, orgName: org.row.name };
    });
    const names = { orgName, inviterName: principal.user.name };
    const delivered = await this.#delivery.deliver(invite, token, names, accepted);
    if (delivered.mailed) {
      await this.#invites.markMailed(invite.id);
    }
    await this.#events.record(caller, {
      type: 'invite_created',
      target: { kind: 'invite', id: invite.id },
      orgId: invite.org_id,
      reason: delivered.mailed ? 'mailed' : 'link',
    });
    return { ...this.#answer(invite), ...delivered };
  }

  /** Newest first. @throws {Problem} `not_found`, `forbidden` */
  async list(
    principal: Principal,
    givenOrg: string,
    { limit, cursor }: PageQuery,
  ): Promise<Page<InviteAnswer>> {
    const id = requireId(givenOrg);
    const before = decodeCursor(positionSchema, cursor);
    const found = await this.#orgs.find(id, principal.user.id);
    requireMay(readerStanding(principal, found?.role), 'invites.read');
    if (found === undefined) {
      throw new Problem('not_found', { reason: 'no_such_org' });
    }
    const rows = await this.#invites.listOf(id, limit + 1, before);
    return toPage(
      rows,
      limit,
      (row) => this.#answer(row),
      (row) => row.id,
    );
  }

  /** Withdraws an invite that is open or has expired. @throws {Problem} `not_found`, `forbidden`, `gone` */
  async revoke(caller: Caller, given: { readonly org: string; readonly invite: string }): Promise<void> {
    const [orgId, id] = [requireId(given.org), requireId(given.invite)];
    const { principal } = caller;
    await this.#orgs.withLocked(orgId, async (org) => {
      const own = await org.standingOf(principal);
      requireMay(own, 'invites.read');
      const invite = await this.#invites.find(org.transaction, orgId, id);
      if (invite === undefined) {
        throw new Problem('not_found', { reason: 'no_such_invite' });
      }
      requireMay(own, 'invite.revoke', { role: invite.role });
      if (!(await this.#invites.revoke(org.transaction, id))) {
        throw new Problem('gone', { reason: 'invite_over' });
      }
    });
    await this.#events.record(caller, { type: 'invite_revoked', target: { kind: 'invite', id }, orgId });
  }

  #answer(row: InviteRow): InviteAnswer {
    return {
      id: row.id,
      email: row.email,
      role: row.role,
      state: this.#invites.stateOf(row),
      createdBy: row.created_by,
      createdAt: new Date(row.created_at).toISOString(),
      expiresAt: new Date(row.expires_at).toISOString(),
      redeemedBy: row.redeemed_by,
    };
  }
}
