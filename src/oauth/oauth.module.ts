import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditModule } from '../directory/audit/audit.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { LoginModule } from '../login/login.module.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { AuthorizationCodeRepository } from './authorization-code.repository.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { CommandLineGrant } from './command-line.grant.js';
import { RevocationSubscribers } from './revocation.subscribers.js';
import { RevocationsController } from './revocations.controller.js';
import { ServiceClients } from './service-clients.service.js';
import { SubjectTokenResolver } from './subject-token.resolver.js';
import { TokenExchangeController } from './token-exchange.controller.js';
import { TokenExchange } from './token-exchange.service.js';
import { WellKnownController } from './well-known.controller.js';

/** The module of the gateway's own token endpoint: token exchange, the command line's grant and service clients. */
@Module({
  imports: [CoreModule, DatabaseModule, UsersModule, AuditModule, SessionModule, ApiKeysModule, LoginModule],
  controllers: [RevocationsController, TokenExchangeController, WellKnownController],
  providers: [
    AuthorizationCodeRepository,
    CommandLineGrant,
    CommandLineLogins,
    RevocationSubscribers,
    ServiceClients,
    SubjectTokenResolver,
    TokenExchange,
  ],
  exports: [CommandLineLogins],
})
export class OauthModule {}
