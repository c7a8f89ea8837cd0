import { Module } from '@nestjs/common';
import { CoreModule } from '../../platform/core/core.module.js';
import { LanguagesModule } from '../../platform/i18n/languages.module.js';
import { MailModule } from '../../platform/mail/mail.module.js';
import { LimitsModule } from '../rate-limit/limits.module.js';
import { SecurityNotices } from './security-notices.js';

/** The module that tells users by mail what was changed about their login. */
@Module({
  imports: [CoreModule, LanguagesModule, LimitsModule, MailModule],
  providers: [SecurityNotices],
  exports: [SecurityNotices],
})
export class NoticesModule {}
