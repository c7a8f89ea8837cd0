import { Injectable } from '@nestjs/common';
import type { OrgRole } from '../platform/database/database.schema.js';
import { InviteRepository } from './invite.repository.js';
import { codeHash } from '../platform/crypto/one-time.code.js';

/** An invite that can be accepted now, as any holder of its link may see it. */
export interface OpenInvite {
  readonly orgId: string;
  readonly orgName: string;
  /** Null when the inviter has no name, or their account is gone. */
  readonly inviterName: string | null;
  readonly role: OrgRole;
  /** The only address that can accept it, in lower case; null for any. Pages never show it: a link can leak. */
  readonly email: string | null;
  /**
   * The same address if the link was mailed there and shown to no one else; otherwise null. Anyone who has such a link has read
   * the mail, and may see the address.
   */
  readonly mailedTo: string | null;
}

/** Looks up open invites, without using them up. */
@Injectable()
export class InviteLookup {
  readonly #invites: InviteRepository;

  constructor(invites: InviteRepository) {
    this.#invites = invites;
  }

  /** The open invite of a token, for pages that name it and for registrations that need one. */
  async findOpen(token: string): Promise<OpenInvite | undefined> {
    const row = await this.#invites.findOpenByHash(codeHash(token));
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

  /** Whether there is an open invite for this address. @param email in lower case. */
  async isWaitingFor(email: string): Promise<boolean> {
    return (await this.#invites.listFor(email, 1, undefined)).length > 0;
  }
}
