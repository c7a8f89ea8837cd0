import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts.module.js';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { SessionModule } from '../../session/session.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { ApiKeysController } from './api-keys.controller.js';
import { MeController } from './me.controller.js';
import { OwnProfile } from './own-profile.js';
import { PersonalDataController } from './personal-data.controller.js';

/** The module for the caller's own account: profile, personal data and API keys. */
@Module({
  imports: [ApiKeysModule, AuditModule, SessionModule, UsersModule, AccountsModule],
  controllers: [MeController, PersonalDataController, ApiKeysController],
  providers: [OwnProfile],
})
export class AccountModule {}
