import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import type { InviteRow } from '../../platform/database/database.schema.js';
import { LanguageCatalogue } from '../../platform/i18n/language.catalogue.js';
import type { MailBrand } from '../../platform/config/mail-brand.js';
import { type InviteMail, inviteMail } from './invite-mail.js';
import { invitationPath } from '../../accounts/invite-link.js';
import { Mailer } from '../../platform/mail/mailer.port.js';

/** Delivers invites: by mail, or as a link that the inviter passes on. */
@Injectable()
export class InviteDelivery {
  readonly #publicUrl: string;
  readonly #brand: MailBrand;

  constructor(
    private readonly mailer: Mailer,
    private readonly languages: LanguageCatalogue,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#publicUrl = configuration.PUBLIC_URL;
    this.#brand = { name: configuration.BRAND_NAME, color: configuration.BRAND_COLOR };
  }

  /** Whether invites that have an address are mailed. */
  get isByMail(): boolean {
    return this.mailer.isConfigured;
  }

  /**
   * Mails an invite that has an address.
   * @param accepted the inviter's `Accept-Language`: the invited user most likely reads the same language.
   * @returns the link, for the caller to pass on; null if the mail server has accepted the mail. In that case only the invited
   *   user gets the link, and anyone who has it has read their mail.
   */
  async deliver(
    { email, expires_at: expiresAt }: InviteRow,
    token: string,
    about: Pick<InviteMail, 'orgName' | 'inviterName' | 'opensSignUp'>,
    accepted: string | undefined,
  ): Promise<{ mailed: boolean; url: string | null }> {
    // The token is in the query because access logs leave the query out.
    const url = `${this.#publicUrl}${invitationPath(token)}`;
    const language = this.languages.of(accepted);
    const mailed =
      email !== null &&
      (await this.mailer.send(
        inviteMail({ to: email, link: url, expiresAt, language, brand: this.#brand, ...about }),
      ));
    return { mailed, url: mailed ? null : url };
  }
}
