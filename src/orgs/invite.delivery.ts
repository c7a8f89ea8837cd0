import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import type { InviteRow } from '../database/database.schema.js';
import { inviteMail } from '../mail/invite.mail.js';
import { Mailer } from '../mail/mailer.port.js';

/** How an invite gets to whom it's for. */
@Injectable()
export class InviteDelivery {
  readonly #mailer: Mailer;
  readonly #publicUrl: string;

  constructor(mailer: Mailer, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#mailer = mailer;
    this.#publicUrl = configuration.PUBLIC_URL;
  }

  /**
   * Mails an invite that has an address.
   * @returns the link, for the caller to hand on, unless the mail server has taken the mail: then it's the invited one's
   *   alone, and whoever has it has read their mail.
   */
  async deliver(
    { email, expires_at: expiresAt }: InviteRow,
    token: string,
    names: { readonly orgName: string; readonly inviterName: string | null },
  ): Promise<{ mailed: boolean; url: string | null }> {
    // In the query: access logs leave that out.
    const url = `${this.#publicUrl}/auth/login?${new URLSearchParams({ invite: token })}`;
    const mailed =
      email !== null && (await this.#mailer.send(inviteMail({ to: email, link: url, expiresAt, ...names })));
    return { mailed, url: mailed ? null : url };
  }
}
