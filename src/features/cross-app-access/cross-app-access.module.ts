import { Module } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { OryModule } from '../../providers/ory/ory.module.js';
import { ApplicationAuthentication } from '../../providers/ory/proxy/application-authentication.js';
import { ProxyModule } from '../../providers/ory/proxy/proxy.module.js';
import { DiscoveryModule } from '../../session/discovery/discovery.module.js';
import { SessionModule } from '../../session/session.module.js';
import { AssertionGate } from './assertion.gate.js';
import { CrossAppAssertions } from './cross-app-assertions.js';
import { CrossAppConsents } from './cross-app-consents.js';
import { CrossAppGrantRepository } from './cross-app-grant.repository.js';
import { CrossAppTargetRepository } from './cross-app-target.repository.js';
import { CrossAppTargetsController } from './cross-app-targets.controller.js';
import { CrossAppTargets } from './cross-app-targets.js';
import { CrossAppTokens } from './cross-app-tokens.js';

import { IdentityAssertionGate } from './identity-assertion.gate.js';
import { IdentityAssertions } from './identity-assertions.js';

/** The module of cross-app access. */
@Module({
  imports: [
    AuditModule,
    CoreModule,
    DatabaseModule,
    DiscoveryModule,
    OryModule,
    ProxyModule,
    SessionModule,
    UsersModule,
  ],
  controllers: [CrossAppTargetsController],
  providers: [
    ApplicationAuthentication,
    AssertionGate,
    CrossAppAssertions,
    CrossAppConsents,
    CrossAppGrantRepository,
    CrossAppTargetRepository,
    CrossAppTargets,
    CrossAppTokens,
    IdentityAssertionGate,
    IdentityAssertions,
  ],
})
export class CrossAppAccessModule {}
