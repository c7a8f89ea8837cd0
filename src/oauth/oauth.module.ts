import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditModule } from '../directory/audit/audit.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { LoginModule } from '../login/login.module.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { AuthorizationServer } from './authorization-server.js';
import { ServiceClients } from './service-clients.service.js';
import { SubjectTokenResolver } from './subject-token-resolver.js';
import { TokenExchangeController } from './token-exchange.controller.js';
import { TokenExchange } from './token-exchange.service.js';
import { TokenGrants } from './token-grants.js';
import { WellKnownController } from './well-known.controller.js';

/** The module of the gateway's own token endpoint. */
@Module({
  imports: [CoreModule, DatabaseModule, UsersModule, AuditModule, SessionModule, ApiKeysModule, LoginModule],
  controllers: [TokenExchangeController, WellKnownController],
  providers: [AuthorizationServer, ServiceClients, SubjectTokenResolver, TokenExchange, TokenGrants],
  exports: [AuthorizationServer, ServiceClients, TokenExchange, TokenGrants],
})
export class OauthModule {}
