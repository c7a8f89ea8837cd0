import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { KeyAuthenticator } from '../session/key.authenticator.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../users/users.module.js';
import { ApiKeyAuthenticator } from './api-key.authenticator.js';
import { ApiKeyRepository } from './api-key.repository.js';

/** API keys: their form, their rows, and whose they are. */
@Module({
  imports: [CoreModule, DatabaseModule, UsersModule, SessionModule],
  providers: [ApiKeyRepository, { provide: KeyAuthenticator, useClass: ApiKeyAuthenticator }],
  exports: [ApiKeyRepository, KeyAuthenticator],
})
export class ApiKeysModule {}
