import { Module } from '@nestjs/common';
import { SessionModule } from '../../session/session.module.js';
import { AccountsModule } from '../../accounts/accounts.module.js';
import { LoginModule } from '../../login/login.module.js';
import { ApplicationAdmission } from './challenges/application.admission.js';
import { FlowDestination } from './challenges/flow.destination.js';
import { OryConsentController } from './challenges/ory-consent.controller.js';
import { OryConsentService } from './challenges/ory-consent.service.js';
import { OryDiscoveryController } from './challenges/ory-discovery.controller.js';
import { OryLoginController } from './challenges/ory-login.controller.js';
import { OryLogoutController } from './challenges/ory-logout.controller.js';

/** The module of Hydra's challenges (login, consent, logout) and its discovery document: routes that exist where Ory is the provider. */
@Module({
  imports: [AccountsModule, LoginModule, SessionModule],
  controllers: [OryLoginController, OryConsentController, OryLogoutController, OryDiscoveryController],
  providers: [ApplicationAdmission, OryConsentService, FlowDestination],
  exports: [OryConsentService, FlowDestination],
})
export class OryModule {}
