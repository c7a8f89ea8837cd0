import { Injectable } from '@nestjs/common';
import type { OrgRole } from '../database/database.schema.js';
import { InviteRepository } from './invite.repository.js';
import { hashOfInvite } from './invite.token.js';

/** An invite that can be accepted now, as anyone who holds its link may see it. */
export interface OpenInvite {
  readonly orgId: string;
  readonly orgName: string;
  /** Null when the inviter has no name, or their account is gone. */
  readonly inviterName: string | null;
  readonly role: OrgRole;
  /** The only address that can accept it, in lower case; null: anyone who has the link. Not for pages: the link may leak. */
  readonly email: string | null;
  /** The same where the link was mailed there and shown to nobody else: who has it has read the mail, and may be told the address. */
  readonly mailedTo: string | null;
}

/** What an invite's token stands for, without using it up. */
@Injectable()
export class InviteLookup {
  readonly #invites: InviteRepository;

  constructor(invites: InviteRepository) {
    this.#invites = invites;
  }

  /**
   * The invite behind a token, for pages that name it and for registrations that need one.
   * @returns undefined when there is no such invite, or it's redeemed, revoked or expired.
   */
  async findOpen(token: string): Promise<OpenInvite | undefined> {
    const row = await this.#invites.findOpenByHash(hashOfInvite(token));
    return (
      row && {
        orgId: row.org_id,
        orgName: row.org_name,
        inviterName: row.inviter_name,
        role: row.role,
        email: row.email,
        mailedTo: row.mailed_at === null ? null : row.email,
      }
    );
  }

  /** Whether an open invite is for this address. @param email in lower case. */
  async isWaitingFor(email: string): Promise<boolean> {
    return (await this.#invites.listFor(email, 1, undefined)).length > 0;
  }
}
