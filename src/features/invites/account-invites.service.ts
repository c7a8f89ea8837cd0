import { Inject, Injectable } from '@nestjs/common';
import { type SignUpSettings, allowsDomain, opensSignUp } from '../../accounts/sign-up-rule.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { idSchema } from '../../platform/core/id.schema.js';
import { codeHash, newCode } from '../../platform/crypto/one-time-code.js';
import type { InviteRow } from '../../platform/database/database.schema.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { type Page, type PageQuery, decodeCursor, toPage } from '../../platform/http/page-cursor.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { Caller } from '../../session/principal.js';
import { InviteDelivery } from './invite-delivery.js';
import { InviteRepository } from './invite.repository.js';
import type { AccountInvite, CreatedAccountInvite } from './invite.schemas.js';
import { requireId } from '../../orgs/org-access.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { inviteEvents } from './invite-audit-events.js';

/** Maximum number of open invites for an account alone. */
const maximumOpen = 1000;

/** Creates, lists and withdraws administrators' invites for an account alone, without an organisation. */
@Injectable()
export class AccountInvites {
  readonly #settings: SignUpSettings;

  constructor(
    private readonly invites: InviteRepository,
    private readonly users: UserDirectory,
    private readonly delivery: InviteDelivery,
    private readonly events: OrgEvents,
    @Inject(CONFIGURATION) settings: Configuration,
  ) {
    this.#settings = settings;
  }

  /**
   * Invites an address, and mails the invite if there is a mail server. One by which nobody could sign up isn't made.
   * @param email in lower case. @param accepted the caller's `Accept-Language`, for the mail.
   * @throws {Problem} `forbidden`; `conflict` if the address has an account, can't get one, or if too many invites are open.
   */
  async create(caller: Caller, email: string, accepted: string | undefined): Promise<CreatedAccountInvite> {
    const { user } = caller.principal;
    this.#requireOpening(email, this.delivery.isByMail);
    if ((await this.users.listVerified(email)).length > 0) {
      throw conflict('There is an account with this address.', 'invite_of_user');
    }
    const token = newCode();
    const invite = await this.invites.insertForAccount(
      { token_hash: codeHash(token), email, created_by: user.id },
      maximumOpen,
    );
    if (invite === undefined) {
      throw conflict(`There are ${maximumOpen} open invites: revoke some first.`, 'too_many_invites');
    }
    const about = { orgName: null, inviterName: user.name, opensSignUp: true };
    const delivered = await this.delivery.deliver(invite, token, about, accepted);
    if (delivered.mailed) {
      await this.invites.markMailed(invite.id);
    } else {
      await this.#requireOpeningUnmailed(invite.id, email);
    }
    const reason = delivered.mailed ? 'mailed' : 'link';
    const target = { kind: 'invite', id: invite.id } as const;
    await this.events.record(caller, { type: inviteEvents.invite_created.type, target, reason });
    return { ...this.#answer(invite), ...delivered, opensSignUp: true };
  }

  /** The invites for an account alone, newest first. */
  async list({ limit, cursor }: PageQuery): Promise<Page<AccountInvite>> {
    const before = decodeCursor(idSchema, cursor);
    const rows = await this.invites.listOf(null, limit + 1, before);
    return toPage(
      rows,
      limit,
      (row) => this.#answer(row),
      ({ id }) => id,
    );
  }

  /** Withdraws an invite that is open or has expired. @throws {Problem} `not_found`, `gone` */
  async revoke(caller: Caller, given: string): Promise<void> {
    const id = requireId(given);
    if (!(await this.invites.hasForAccount(id))) {
      throw new Problem('not_found', { reason: 'no_such_invite' });
    }
    if (!(await this.invites.revoke(id))) {
      throw new Problem('gone', { reason: 'invite_over' });
    }
    await this.events.record(caller, {
      type: inviteEvents.invite_revoked.type,
      target: { kind: 'invite', id },
    });
  }

  /** Withdraws an invite that could not be mailed, if its link alone lets nobody in. */
  async #requireOpeningUnmailed(id: string, email: string): Promise<void> {
    try {
      this.#requireOpening(email, false);
    } catch (error) {
      await this.invites.revoke(id);
      throw error;
    }
  }

  #requireOpening(email: string, isMailed: boolean): void {
    if (!allowsDomain(this.#settings, email)) {
      throw conflict(
        'New accounts need an address of another domain (EMAIL_DOMAINS).',
        'invite_outside_domains',
      );
    }
    if (!opensSignUp(this.#settings, { email, byAdministrator: true, hasAdmitted: false, isMailed })) {
      throw conflict(
        'While sign-up is closed, only a mailed invite lets somebody in, and the mail could not be sent.',
        'invite_not_mailed',
      );
    }
  }

  #answer(row: InviteRow): AccountInvite {
    return {
      id: row.id,
      email: row.email,
      state: this.invites.stateOf(row),
      createdBy: row.created_by,
      createdAt: toTimestamp(row.created_at),
      expiresAt: toTimestamp(row.expires_at),
      redeemedBy: row.redeemed_by,
    };
  }
}

function conflict(detail: string, reason: string): Problem {
  return new Problem('conflict', { detail, reason });
}
