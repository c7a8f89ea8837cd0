import { Inject, Injectable } from '@nestjs/common';
import { inviterNameOf } from '../invites/inviter-name.js';
import { type SignUpSettings, opensSignUp } from '../../accounts/sign-up-rule.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { z } from 'zod';
import { idSchema } from '../../platform/core/id.schema.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { InviteRow } from '../../platform/database/database.schema.js';
import { type Page, type PageQuery, decodeCursor, toPage } from '../../platform/http/page-cursor.js';
import { covers } from '../../session/guards/scopes.js';
import type { Caller, Principal } from '../../session/principal.js';
import { InviteDelivery } from '../invites/invite-delivery.js';
import { InviteRepository, type WaitingInvite } from '../invites/invite.repository.js';
import type {
  CreatedInvite,
  InviteAnswer,
  WaitingInvites,
  newInviteSchema,
} from '../invites/invite.schemas.js';
import { codeHash, newCode } from '../../platform/crypto/one-time-code.js';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import { MembershipRepository } from '../../orgs/membership.repository.js';
import { requireId, requireMay, requireReadable } from '../../orgs/org-access.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { OrgRepository } from '../../orgs/org.repository.js';
import { inviteEvents } from '../invites/invite-audit-events.js';

/** Maximum number of open invites of one organisation: enough for real use, too few for sending spam. */
const maximumOpen = 200;

/** Creates, lists and withdraws invites, if the policy allows the caller to. */
@Injectable()
export class InvitesService {
  readonly #settings: SignUpSettings;
  readonly #brand: string;

  constructor(
    private readonly orgs: OrgRepository,
    private readonly invites: InviteRepository,
    private readonly members: MembershipRepository,
    private readonly delivery: InviteDelivery,
    private readonly events: OrgEvents,
    @Inject(CONFIGURATION) settings: Configuration,
  ) {
    this.#settings = settings;
    this.#brand = settings.BRAND_NAME;
  }

  /**
   * Creates an invite, and mails it if it is for an address and there is a mail server.
   * @param accepted the caller's `Accept-Language`, for the mail.
   * @throws {Problem} `not_found`, `forbidden`; `email_unverified` if it would be mailed and the caller has no verified address;
   *   `conflict` if the organisation has too many open invites.
   */
  async create(
    caller: Caller,
    givenOrg: string,
    { email, role }: z.output<typeof newInviteSchema>,
    accepted: string | undefined,
  ): Promise<CreatedInvite> {
    const { principal } = caller;
    const token = newCode();
    const isMailed = email !== undefined && this.delivery.isByMail;
    const maySend = !isMailed || (await this.members.isVerifiedSender(principal.user.id));
    const { invite, orgName, inviterName } = await this.orgs.withLocked(requireId(givenOrg), async (org) => {
      const standing = await org.standingOf(principal);
      requireMay(standing, 'invite.create', { newRole: role });
      if (!maySend) {
        throw new Problem('email_unverified', {
          detail: 'Only who has a verified e-mail address can have invites mailed.',
          reason: 'sender_unverified',
        });
      }
      if ((await this.invites.countOpen(org.transaction, org.row.id)) >= maximumOpen) {
        throw new Problem('conflict', {
          detail: `There are ${maximumOpen} open invites: revoke some first.`,
          reason: 'too_many_invites',
        });
      }
      const invite = await this.invites.insert(org.transaction, {
        org_id: org.row.id,
        token_hash: codeHash(token),
        email: email ?? null,
        role,
        created_by: principal.user.id,
        opens_sign_up: standing.isAdministrator && mayMakeUsers(principal) ? 1 : 0,
      });
      const inviter = { name: principal.user.name, role: await org.deploymentRoleOf(principal.user.id) };
      return { invite, orgName: org.row.name, inviterName: inviterNameOf(inviter, this.#brand) };
    });
    const terms = {
      email: invite.email,
      byAdministrator: invite.opens_sign_up === 1,
      hasAdmitted: false,
    };
    const opens = (isMailed: boolean): boolean => opensSignUp(this.#settings, { ...terms, isMailed });
    const about = { orgName, inviterName, opensSignUp: opens(true) };
    const delivered = await this.delivery.deliver(invite, token, about, accepted);
    if (delivered.mailed) {
      await this.invites.markMailed(invite.id);
    }
    await this.events.record(caller, {
      type: inviteEvents.invite_created.type,
      target: { kind: 'invite', id: invite.id },
      ...(invite.org_id === null ? {} : { orgId: invite.org_id }),
      reason: delivered.mailed ? 'mailed' : 'link',
    });
    return { ...this.#answer(invite), ...delivered, opensSignUp: opens(delivered.mailed) };
  }

  /** An organisation's invites, newest first. @throws {Problem} `not_found`, `forbidden` */
  async list(
    principal: Principal,
    givenOrg: string,
    { limit, cursor }: PageQuery,
  ): Promise<Page<InviteAnswer>> {
    const id = requireId(givenOrg);
    const before = decodeCursor(idSchema, cursor);
    requireReadable(principal, await this.orgs.find(id, principal), 'invites.read');
    const rows = await this.invites.listOf(id, limit + 1, before);
    return toPage(
      rows,
      limit,
      (row) => this.#answer(row),
      (row) => row.id,
    );
  }

  /**
   * Open invites for the caller's verified e-mail address, newest first; none for an unverified address.
   * @throws {Problem} `validation_failed` for a cursor of another list, `forbidden` for service accounts.
   */
  async listWaiting({ user }: Principal, { limit, cursor }: PageQuery): Promise<WaitingInvites> {
    const before = decodeCursor(idSchema, cursor);
    const { email, isVerified } = await this.members.requirePerson(user.id);
    const rows =
      email !== null && isVerified
        ? await this.invites.listFor(foldIdentifier(email), limit + 1, before)
        : [];
    return toPage(
      rows,
      limit,
      (row) => toWaitingInvite(row, this.#brand),
      ({ id }) => id,
    );
  }

  /** Withdraws an invite that is open or has expired. @throws {Problem} `not_found`, `forbidden`, `gone` */
  async revoke(caller: Caller, given: { readonly org: string; readonly invite: string }): Promise<void> {
    const [orgId, id] = [requireId(given.org), requireId(given.invite)];
    const { principal } = caller;
    await this.orgs.withLocked(orgId, async (org) => {
      const own = await org.standingOf(principal);
      requireMay(own, 'invites.read');
      const invite = await this.invites.find(org.transaction, orgId, id);
      if (invite === undefined) {
        throw new Problem('not_found', { reason: 'no_such_invite' });
      }
      requireMay(own, 'invite.revoke', { role: invite.role });
      if (!(await this.invites.revoke(id, org.transaction))) {
        throw new Problem('gone', { reason: 'invite_over' });
      }
    });
    await this.events.record(caller, {
      type: inviteEvents.invite_revoked.type,
      target: { kind: 'invite', id },
      orgId,
    });
  }

  #answer(row: InviteRow): InviteAnswer {
    return {
      id: row.id,
      email: row.email,
      role: row.role,
      state: this.invites.stateOf(row),
      createdBy: row.created_by,
      createdAt: toTimestamp(row.created_at),
      expiresAt: toTimestamp(row.expires_at),
      redeemedBy: row.redeemed_by,
    };
  }
}

/** Whether the caller's credential could invite to an account alone: one that only changes organisations lets nobody new in. */
function mayMakeUsers({ claims }: Principal): boolean {
  return covers(claims.scope, 'users:write');
}

function toWaitingInvite(row: WaitingInvite, brand: string): WaitingInvites['items'][number] {
  return {
    id: row.id,
    org: { id: row.org_id, slug: row.org_slug, name: row.org_name },
    role: row.role,
    expiresAt: toTimestamp(row.expires_at),
    invitedBy: { name: inviterNameOf({ name: row.inviter_name, role: row.inviter_role }, brand) },
  };
}
