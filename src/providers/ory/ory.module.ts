import { Module } from '@nestjs/common';
import { SessionModule } from '../../session/session.module.js';
import { AccountsModule } from '../../accounts/accounts.module.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { LoginModule } from '../../login/login.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { AgentClients } from './agents/agent.clients.js';
import { AgentGate } from './agents/agent.gate.js';
import { AgentJanitor } from './agents/agent.janitor.js';
import { AgentSubjects } from './agents/agent.subjects.js';
import { ClientAdoption } from './agents/client.adoption.js';
import { ClientRegistrationController } from './agents/client-registration.controller.js';
import { ResourceConsents } from './agents/resource.consents.js';
import { ResourceRegistry } from './agents/resource.registry.js';
import { ResourceTokens } from './agents/resource.tokens.js';
import { ApplicationAdmission } from './challenges/application.admission.js';
import { ApplicationClaims } from './challenges/application.claims.js';
import { FlowDestination } from './challenges/flow.destination.js';
import { OryConsentController } from './challenges/ory-consent.controller.js';
import { ConnectionLogoutController } from './connections/connection-logout.controller.js';
import { ConnectionLogouts } from './connections/connection.logouts.js';
import { SamlController } from './connections/saml/saml.controller.js';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { ConsentRecorder } from './hydra/consent.recorder.js';
import { OryConsentService } from './challenges/ory-consent.service.js';
import { OryDiscoveryController } from './challenges/ory-discovery.controller.js';
import { OryLoginController } from './challenges/ory-login.controller.js';
import { OryLogoutController } from './challenges/ory-logout.controller.js';

/** The module of Hydra's challenges, of clients that register themselves, and of the discovery document: where Ory is the provider. */
@Module({
  imports: [AccountsModule, AuditModule, CoreModule, LimitsModule, LoginModule, SessionModule, UsersModule],
  controllers: [
    OryLoginController,
    OryConsentController,
    OryLogoutController,
    OryDiscoveryController,
    ClientRegistrationController,
    ConnectionLogoutController,
    SamlController,
  ],
  providers: [
    AgentClients,
    AgentGate,
    AgentJanitor,
    AgentSubjects,
    ApplicationAdmission,
    ApplicationClaims,
    ClientAdoption,
    ConnectionLogouts,
    ConsentRecorder,
    FlowDestination,
    OryConsentService,
    ResourceConsents,
    ResourceRegistry,
    ResourceTokens,
  ],
  exports: [OryConsentService, FlowDestination],
})
export class OryModule {}
