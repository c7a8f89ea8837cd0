import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditModule } from '../directory/audit/audit.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { LoginModule } from '../login/login.module.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { AuthorizationCodeRepository } from './authorization-code.repository.js';
import { AuthorizationServer } from './authorization.server.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { CommandLineGrant } from './command-line.grant.js';
import { RevocationSubscribers } from './revocation.subscribers.js';
import { RevocationsController } from './revocations.controller.js';
import { ServiceClients } from './service-clients.service.js';
import { PushEndpoints } from './signals/push.endpoints.js';
import { SecurityEvents } from './signals/security.events.js';
import { SignalStreamRepository } from './signals/signal-stream.repository.js';
import { SignalDelivery } from './signals/signal.delivery.js';
import { SignalPusher } from './signals/signal.pusher.js';
import { SignalStreams } from './signals/signal.streams.js';
import { SignalsController } from './signals/signals.controller.js';
import { SubjectTokenResolver } from './subject-token.resolver.js';
import { TokenExchangeController } from './token-exchange.controller.js';
import { TokenExchange } from './token-exchange.service.js';
import { WellKnownController } from './well-known.controller.js';

/** The module of the gateway's own token endpoint, and of what tells other services that tokens have ended. */
@Module({
  imports: [CoreModule, DatabaseModule, UsersModule, AuditModule, SessionModule, ApiKeysModule, LoginModule],
  controllers: [RevocationsController, SignalsController, TokenExchangeController, WellKnownController],
  providers: [
    AuthorizationCodeRepository,
    AuthorizationServer,
    CommandLineGrant,
    CommandLineLogins,
    PushEndpoints,
    RevocationSubscribers,
    SecurityEvents,
    ServiceClients,
    SignalDelivery,
    SignalPusher,
    SignalStreamRepository,
    SignalStreams,
    SubjectTokenResolver,
    TokenExchange,
  ],
  exports: [CommandLineLogins],
})
export class OauthModule {}
