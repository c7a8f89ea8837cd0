import { Module } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Mailer, NoMailer } from './mailer.port.js';
import { SmtpMailer } from './smtp-mailer.js';

/** The module that sends mail. */
@Module({
  providers: [
    {
      provide: Mailer,
      inject: [CONFIGURATION],
      useFactory: ({ SMTP_URL, MAIL_FROM, BRAND_NAME }: Configuration): Mailer =>
        SMTP_URL === undefined ? new NoMailer() : new SmtpMailer(SMTP_URL, MAIL_FROM, BRAND_NAME),
    },
  ],
  exports: [Mailer],
})
export class MailModule {}
