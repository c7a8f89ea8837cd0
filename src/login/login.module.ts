import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AdministratorsModule } from '../accounts/administrators.module.js';
import { AuditModule } from '../directory/audit/audit.module.js';
import { LimitsModule } from '../directory/rate-limit/limits.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { HttpModule } from '../platform/http/http.module.js';
import { AccessGuard } from '../session/guards/access.guard.js';
import { RateLimitGuard } from '../session/guards/rate-limit.guard.js';
import { RequestAuthenticator } from '../session/guards/request-authenticator.js';
import { RouteGuard } from '../session/guards/route.guard.js';
import { SessionGuard } from '../session/guards/session.guard.js';
import { StepUpGuard } from '../session/guards/step-up.guard.js';
import { VerifiedEmailGuard } from '../session/guards/verified-email.guard.js';
import { SessionModule } from '../session/session.module.js';
import { SessionRenewer } from '../session/session-renewer.js';
import { AuthController } from './auth.controller.js';
import { BackchannelLogoutController } from './backchannel-logout.controller.js';
import { BackchannelLogoutService } from './backchannel-logout.service.js';
import { BrowserLoginController } from './browser-login.controller.js';
import { LoginRecorder } from './login-recorder.js';
import { LoginService } from './login.service.js';
import { LoginStarter } from './login-starter.js';
import { LoginTransactions } from './login-transaction.js';
import { OwnSession } from './own-session.service.js';
import { ProviderConfirmation } from './provider-confirmation.js';
import { ServiceClients } from './service-clients.service.js';
import { SessionRenewal } from './session-renewal.js';
import { UserProvisioning } from './user-provisioning.js';

/** The module of logins, logout, renewals, and the guards that close every route to other callers. */
@Module({
  imports: [
    CoreModule,
    DatabaseModule,
    HttpModule,
    UsersModule,
    AuditModule,
    LimitsModule,
    SessionModule,
    AdministratorsModule,
    AccountsModule,
  ],
  controllers: [AuthController, BackchannelLogoutController, BrowserLoginController],
  providers: [
    BackchannelLogoutService,
    LoginRecorder,
    LoginService,
    LoginStarter,
    LoginTransactions,
    OwnSession,
    ProviderConfirmation,
    ServiceClients,
    UserProvisioning,
    { provide: SessionRenewer, useClass: SessionRenewal },
    RequestAuthenticator,
    SessionGuard,
    RateLimitGuard,
    VerifiedEmailGuard,
    AccessGuard,
    StepUpGuard,
    { provide: APP_GUARD, useClass: RouteGuard },
  ],
  exports: [
    AccountsModule,
    BackchannelLogoutService,
    LoginService,
    LoginTransactions,
    OwnSession,
    RequestAuthenticator,
    ServiceClients,
    SessionRenewer,
    UserProvisioning,
  ],
})
export class LoginModule {}
