import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { decodeCursor, toPage } from '../http/page.cursor.js';
import type { Principal } from '../session/principal.js';
import { InviteRepository, type WaitingInvite } from './invite.repository.js';
import type { WaitingInvites } from './invite.schemas.js';
import { MembershipRepository } from './membership.repository.js';
import type { PageQuery } from './orgs.service.js';

const positionSchema = z.uuid();

/** Invites that wait for somebody. */
@Injectable()
export class MyInvites {
  readonly #invites: InviteRepository;
  readonly #members: MembershipRepository;

  constructor(invites: InviteRepository, members: MembershipRepository) {
    this.#invites = invites;
    this.#members = members;
  }

  /**
   * Open invites for the caller's verified e-mail address, newest first; none for an address that is only claimed.
   * @throws {Problem} `validation_failed` for a foreign cursor, `forbidden` for service accounts.
   */
  async list({ user }: Principal, { limit, cursor }: PageQuery): Promise<WaitingInvites> {
    const before = decodeCursor(positionSchema, cursor);
    const { email, isVerified } = await this.#members.requirePerson(user.id);
    const rows =
      email !== null && isVerified ? await this.#invites.listFor(email.toLowerCase(), limit + 1, before) : [];
    return toPage(rows, limit, toItem, ({ id }) => id);
  }
}

function toItem(row: WaitingInvite): WaitingInvites['items'][number] {
  return {
    id: row.id,
    org: { id: row.org_id, slug: row.org_slug, name: row.org_name },
    role: row.role,
    expiresAt: new Date(row.expires_at).toISOString(),
    invitedBy: { name: row.inviter_name },
  };
}
