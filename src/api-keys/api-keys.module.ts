import { Module } from '@nestjs/common';
import { AuditModule } from '../directory/audit/audit.module.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { KeyAuthenticator } from '../session/guards/key-authenticator.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { ApiKeyAuthenticator } from './api-key-authenticator.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { ApiKeysService } from './api-keys.service.js';
import { LostRights } from './lost-rights.service.js';

/** The module of API keys: their form, their rows, and their subjects. */
@Module({
  imports: [AuditModule, CoreModule, DatabaseModule, UsersModule, SessionModule],
  providers: [
    ApiKeyRepository,
    ApiKeysService,
    LostRights,
    { provide: KeyAuthenticator, useClass: ApiKeyAuthenticator },
  ],
  exports: [ApiKeysService, KeyAuthenticator, LostRights],
})
export class ApiKeysModule {}
