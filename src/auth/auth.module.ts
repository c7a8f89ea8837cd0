import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuditModule } from '../audit/audit.module.js';
import type { Configuration } from '../config/configuration.js';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { HttpModule } from '../http/http.module.js';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { AccessGuard } from '../session/access.guard.js';
import { RequestAuthenticator } from '../session/request.authenticator.js';
import { SessionGuard } from '../session/session.guard.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { SessionModule } from '../session/session.module.js';
import { SessionRenewer } from '../session/session.renewer.js';
import { StepUpGuard } from '../session/step-up.guard.js';
import { VerifiedEmailGuard } from '../session/verified.email.guard.js';
import { UsersModule } from '../users/users.module.js';
import { AddressRights } from './address.rights.js';
import { AdministratorAppointment } from './administrator.appointment.js';
import { AccountOwnership } from './account-ownership.service.js';
import { AccountFacts } from './account-facts.service.js';
import { AccountLife } from './account-life.service.js';
import { AccountRecovery } from './account-recovery.service.js';
import { AccountSessions } from './account-sessions.service.js';
import { wireProvider } from './auth-strategy.provider.js';
import { AuthController } from './auth.controller.js';
import { ArrivalService } from './arrival.service.js';
import { AuthService } from './auth.service.js';
import { AuthStrategy } from './auth.strategy.js';
import { AuthorizationCodeRepository } from './authorization-code.repository.js';
import { BackchannelLogoutController } from './backchannel-logout.controller.js';
import { BackchannelLogoutService } from './backchannel-logout.service.js';
import { BrowserLoginController } from './browser-login.controller.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { CommandLineGrant } from './command-line.grant.js';
import { LoginRecorder } from './login.recorder.js';
import { LoginTransactions } from './login.transaction.js';
import { MailboxProof } from './mailbox.proof.js';
import { ProfileService } from './profile.service.js';
import { ProviderConfirmation } from './provider.confirmation.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { SessionRenewal } from './session.renewal.js';
import { SessionsController } from './sessions.controller.js';
import { ApplicationAdmission } from './application.admission.js';
import { SignUpPolicy } from './sign-up.policy.js';
import { TokenExchangeController } from './token-exchange.controller.js';
import { ExchangeParties } from './exchange.parties.js';
import { ServiceClients } from './service-clients.service.js';
import { TokenExchange } from './token-exchange.service.js';
import { UsedTokenRepository } from './used-token.repository.js';
import { WellKnownController } from './well-known.controller.js';

/** Logins by whichever provider is configured, and the guard that closes every route to everybody else. */
@Module({})
export class AuthModule {
  /** @param orgs the module that exports the `OrgAdmission`. */
  static register(configuration: Configuration, orgs: Type): DynamicModule {
    const provider = wireProvider(configuration);
    return {
      module: AuthModule,
      imports: [
        CoreModule,
        DatabaseModule,
        HttpModule,
        UsersModule,
        AuditModule,
        LimitsModule,
        MetricsModule,
        SessionModule,
        ApiKeysModule,
        orgs,
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
        ArrivalService,
        ApplicationAdmission,
        SignUpPolicy,
        LoginRecorder,
        AdministratorAppointment,
        AddressRights,
        AccountFacts,
        AccountLife,
        AccountOwnership,
        AccountRecovery,
        AccountSessions,
        ProfileService,
        BackchannelLogoutService,
        LoginTransactions,
        MailboxProof,
        UsedTokenRepository,
        ProviderConfirmation,
        { provide: SessionRenewer, useClass: SessionRenewal },
        RequestAuthenticator,
        ExchangeParties,
        ServiceClients,
        TokenExchange,
        AuthorizationCodeRepository,
        CommandLineLogins,
        CommandLineGrant,
        { provide: APP_GUARD, useClass: SessionGuard },
        // Guards run in this order: these need to know whose request it is.
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_GUARD, useClass: VerifiedEmailGuard },
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: StepUpGuard },
        ...provider.providers,
      ],
      exports: [
        AuthStrategy,
        SignUpPolicy,
        SessionRenewer,
        RequestAuthenticator,
        AddressRights,
        AccountFacts,
        AccountLife,
        AccountOwnership,
        AccountRecovery,
        AccountSessions,
        CommandLineLogins,
        MailboxProof,
        ProfileService,
        ...provider.imports,
        ...provider.exports,
      ],
    };
  }
}
