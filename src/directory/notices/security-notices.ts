import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import pLimit from 'p-limit';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import { type AddressedUser, addressesOf } from '../users/former-address.js';
import { RateLimits } from '../rate-limit/rate-limits.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import { LanguageCatalogue } from '../../platform/i18n/language.catalogue.js';
import { Mailer } from '../../platform/mail/mailer.port.js';
import { type SecurityChange, securityMail } from '../../platform/mail/security-mail.js';
import { Clock } from '../../platform/time/clock.service.js';

/** Mails at a time, and how many wait for that; more are dropped, so that a slow mail server can't use up the memory. */
const mailsAtOnce = 4;
const mostWaiting = 1000;

/** Whom to tell: a user as they were before the change. */
export type NoticeRecipient = AddressedUser & Pick<UserRow, 'languages'>;

/** Tells users by mail what was changed about how they log in. */
@Injectable()
export class SecurityNotices implements OnModuleDestroy {
  readonly #logger = new Logger(SecurityNotices.name);
  readonly #lane = pLimit(mailsAtOnce);
  readonly #pending = new Set<Promise<void>>();
  #isEnding = false;

  readonly #configuration: Configuration;

  constructor(
    private readonly mailer: Mailer,
    private readonly languages: LanguageCatalogue,
    private readonly limits: RateLimits,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  /** Waits for the mails that are being sent, for seconds at most; those that still wait are dropped. */
  async onModuleDestroy(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#pending);
  }

  /**
   * Mails what has been changed, also to the verified addresses that were replaced in the last days: who replaced them may not be the owner.
   * An address that was never verified may be a stranger's and gets nothing. Changes don't wait for this, and it never rejects.
   */
  async tell(change: SecurityChange, recipient: NoticeRecipient): Promise<void> {
    const { present, former } = addressesOf(recipient, this.clock.now());
    await Promise.all([
      this.#send(change, present, { isFormer: false, languages: recipient.languages }),
      ...former.map(async (email) =>
        this.#send(change, email, { isFormer: true, languages: recipient.languages }),
      ),
    ]);
  }

  async #send(
    change: SecurityChange,
    email: string | undefined,
    { isFormer, languages }: { readonly isFormer: boolean } & Pick<UserRow, 'languages'>,
  ): Promise<void> {
    if (email === undefined || !this.mailer.isConfigured) {
      return;
    }
    if (this.#lane.pendingCount >= mostWaiting) {
      this.#logger.warn('a security mail was dropped', { reason: 'too_many_mails' });
      return;
    }
    const mail = securityMail({
      to: email,
      change,
      isFormer,
      at: this.clock.now(),
      language: this.languages.of(languages ?? undefined),
      brand: { name: this.#configuration.BRAND_NAME, color: this.#configuration.BRAND_COLOR },
      publicUrl: this.#configuration.PUBLIC_URL,
    });
    const sending = this.#lane(async () => {
      // By kind of change, so that nobody hides one behind many others.
      const key = `notice:${change}:${foldIdentifier(email)}`;
      if (!this.#isEnding && (await this.limits.allows({ policy: 'notice-recipient', key }))) {
        await this.mailer.send(mail);
      }
    }).catch((error: unknown) => {
      this.#logger.warn('a security mail could not be sent', { reason: 'mail_not_sent', err: error });
    });
    this.#pending.add(sending);
    await sending.finally(() => this.#pending.delete(sending));
  }
}
