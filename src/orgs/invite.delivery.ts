import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import type { InviteRow } from '../database/database.schema.js';
import { LanguageCatalogue } from '../languages/language.catalogue.js';
import type { MailBrand } from '../config/mail.brand.js';
import { inviteMail } from '../mail/invite.mail.js';
import { invitationPath } from '../auth/invite.link.js';
import { Mailer } from '../mail/mailer.port.js';

/** How an invite gets to whom it's for. */
@Injectable()
export class InviteDelivery {
  readonly #mailer: Mailer;
  readonly #languages: LanguageCatalogue;
  readonly #publicUrl: string;
  readonly #brand: MailBrand;

  constructor(
    mailer: Mailer,
    languages: LanguageCatalogue,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#mailer = mailer;
    this.#languages = languages;
    this.#publicUrl = configuration.PUBLIC_URL;
    this.#brand = { name: configuration.BRAND_NAME, color: configuration.BRAND_COLOR };
  }

  /** Whether an invite for an address is mailed. */
  get isByMail(): boolean {
    return this.#mailer.isConfigured;
  }

  /**
   * Mails an invite that has an address.
   * @param accepted the inviter's `Accept-Language`: whom they invite most likely reads what they read.
   * @returns the link, for the caller to hand on, unless the mail server has taken the mail: then it's the invited one's
   *   alone, and whoever has it has read their mail.
   */
  async deliver(
    { email, expires_at: expiresAt }: InviteRow,
    token: string,
    names: { readonly orgName: string; readonly inviterName: string | null },
    accepted: string | undefined,
  ): Promise<{ mailed: boolean; url: string | null }> {
    // In the query: access logs leave that out.
    const url = `${this.#publicUrl}${invitationPath(token)}`;
    const language = this.#languages.of(accepted);
    const mailed =
      email !== null &&
      (await this.#mailer.send(
        inviteMail({ to: email, link: url, expiresAt, language, brand: this.#brand, ...names }),
      ));
    return { mailed, url: mailed ? null : url };
  }
}
