import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuditModule } from '../audit/audit.module.js';
import type { Configuration } from '../config/configuration.js';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { HttpModule } from '../http/http.module.js';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AccessGuard } from '../session/access.guard.js';
import { RequestAuthenticator } from '../session/request.authenticator.js';
import { SessionGuard } from '../session/session.guard.js';
import { SessionModule } from '../session/session.module.js';
import { SessionRenewer } from '../session/session.renewer.js';
import { StepUpGuard } from '../session/step-up.guard.js';
import { UsersModule } from '../users/users.module.js';
import { AccountSessions } from './account-sessions.service.js';
import { wireProvider } from './auth-strategy.provider.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { AuthStrategy } from './auth.strategy.js';
import { BackchannelLogoutController } from './backchannel-logout.controller.js';
import { BackchannelLogoutService } from './backchannel-logout.service.js';
import { BrowserLoginController } from './browser-login.controller.js';
import { LoginTransactions } from './login.transaction.js';
import { SessionRenewal } from './session.renewal.js';
import { SessionsController } from './sessions.controller.js';
import { TokenExchangeController } from './token-exchange.controller.js';
import { UsedTokenRepository } from './used-token.repository.js';
import { WellKnownController } from './well-known.controller.js';

/** Logins by whichever provider is configured, and the guard that closes every route to everybody else. */
@Module({})
export class AuthModule {
  static register(configuration: Configuration): DynamicModule {
    const provider = wireProvider(configuration);
    return {
      module: AuthModule,
      imports: [
        CoreModule,
        DatabaseModule,
        HttpModule,
        UsersModule,
        AuditModule,
        SessionModule,
        ApiKeysModule,
        ...provider.imports,
      ],
      controllers: [
        AuthController,
        SessionsController,
        TokenExchangeController,
        BackchannelLogoutController,
        BrowserLoginController,
        WellKnownController,
        ...provider.controllers,
      ],
      providers: [
        AuthService,
        AccountSessions,
        BackchannelLogoutService,
        LoginTransactions,
        UsedTokenRepository,
        { provide: SessionRenewer, useClass: SessionRenewal },
        RequestAuthenticator,
        { provide: APP_GUARD, useClass: SessionGuard },
        // Guards run in this order: these need to know whose request it is.
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: StepUpGuard },
        ...provider.providers,
      ],
      exports: [AuthStrategy, AccountSessions, ...provider.imports, ...provider.exports],
    };
  }
}
