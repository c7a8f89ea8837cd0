import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { KeyAuthenticator } from '../session/key.authenticator.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../users/users.module.js';
import { ApiKeyAuthenticator } from './api-key.authenticator.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { ApiKeysService } from './api-keys.service.js';

/** API keys: their form, their rows, and whose they are. */
@Module({
  imports: [AuditModule, CoreModule, DatabaseModule, UsersModule, SessionModule],
  providers: [ApiKeyRepository, ApiKeysService, { provide: KeyAuthenticator, useClass: ApiKeyAuthenticator }],
  exports: [ApiKeysService, KeyAuthenticator],
})
export class ApiKeysModule {}
