import { type DynamicModule, Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../users/users.module.js';
import { ApiKeysController } from './api-keys.controller.js';
import { MeController } from './me.controller.js';
import { OwnProfile } from './own.profile.js';
import { PersonalDataController } from './personal-data.controller.js';

/** What callers can see and do about themselves. */
@Module({})
export class AccountModule {
  /** @param auth the application's auth module, whose provider is told of changes. */
  static register(auth: DynamicModule): DynamicModule {
    return {
      module: AccountModule,
      imports: [ApiKeysModule, AuditModule, SessionModule, UsersModule, auth],
      controllers: [MeController, PersonalDataController, ApiKeysController],
      providers: [OwnProfile],
    };
  }
}
