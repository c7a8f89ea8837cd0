import { Module } from '@nestjs/common';
import { SessionModule } from '../../session/session.module.js';
import { AccountsModule } from '../../accounts/accounts.module.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { LoginModule } from '../../login/login.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { ApplicationAdmission } from './challenges/application-admission.js';
import { ApplicationClaims } from './challenges/application-claims.js';
import { FlowDestination } from './challenges/flow-destination.js';
import { OryConsentController } from './challenges/ory-consent.controller.js';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { ClientAdoption } from './hydra/client-adoption.js';
import { ConsentRecorder } from './hydra/consent-recorder.js';
import { OryConsentService } from './challenges/ory-consent.service.js';
import { OryDiscoveryController } from './challenges/ory-discovery.controller.js';
import { OryLoginController } from './challenges/ory-login.controller.js';
import { OryLogoutController } from './challenges/ory-logout.controller.js';
import { SessionQuestionController } from './challenges/session-question.controller.js';

/** The module of Hydra's challenges, and of the discovery document: where Ory is the provider. */
@Module({
  imports: [AccountsModule, AuditModule, CoreModule, LimitsModule, LoginModule, SessionModule, UsersModule],
  controllers: [
    OryLoginController,
    OryConsentController,
    OryLogoutController,
    OryDiscoveryController,
    SessionQuestionController,
  ],
  providers: [
    ApplicationAdmission,
    ApplicationClaims,
    ClientAdoption,
    ConsentRecorder,
    FlowDestination,
    OryConsentService,
  ],
  exports: [ApplicationAdmission, FlowDestination, OryConsentService],
})
export class OryModule {}
