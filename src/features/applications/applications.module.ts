import { Module, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { LoginModule } from '../../login/login.module.js';
import { OrgAuthorization } from '../../orgs/org-authorization.js';
import { FeatureParts } from '../../pages/feature-parts.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { SessionModule } from '../../session/session.module.js';
import { AgentsController } from './agents.controller.js';
import { ApplicationGrants } from './application-grants.js';
import { ApplicationList } from './application-list.js';
import { ApplicationRegistry } from './application-registry.js';
import { ApplicationUsersController } from './application-users.controller.js';
import { ApplicationsController } from './applications.controller.js';
import { ApplicationsService } from './applications.service.js';
import { ConnectedAppsController } from './connected-apps.controller.js';
import { ConnectedAppsService } from './connected-apps.service.js';
import { ApplicationLogoutController } from './logouts/application-logout.controller.js';
import { ApplicationLogoutDeliveries } from './logouts/application-logout-deliveries.js';
import { ApplicationLogoutJanitor } from './logouts/application-logout-janitor.js';
import { ApplicationLogoutRepository } from './logouts/application-logout.repository.js';
import { ApplicationLogoutTokens } from './logouts/application-logout-tokens.js';
import { ApplicationLogouts } from './logouts/application-logouts.js';
import { OrgApplicationsController } from './org-applications.controller.js';
import { AdminApplicationsController } from './pages/admin-applications.controller.js';
import { ApplicationNames } from './pages/application-names.js';
import { ApplicationPages } from './pages/application.pages.js';
import {
  AdminConnectedAppsController,
  OwnConnectedAppsController,
} from './pages/connected-apps.controller.js';
import { ConnectedAppsPages } from './pages/connected-apps.pages.js';
import { OrgApplicationsPageController } from './pages/org-applications.controller.js';
import { UserConnectedAppsController } from './user-connected-apps.controller.js';

/** The module of applications that log users in here: their API and pages, and those of connected apps. */
@Module({
  imports: [
    AuditModule,
    CoreModule,
    DatabaseModule,
    LoginModule,
    PageFrameModule,
    SessionModule,
    UsersModule,
  ],
  controllers: [
    ApplicationsController,
    OrgApplicationsController,
    AgentsController,
    ApplicationLogoutController,
    ApplicationUsersController,
    ConnectedAppsController,
    UserConnectedAppsController,
    AdminApplicationsController,
    OrgApplicationsPageController,
    OwnConnectedAppsController,
    AdminConnectedAppsController,
  ],
  providers: [
    ApplicationGrants,
    ApplicationList,
    ApplicationLogoutDeliveries,
    ApplicationLogoutJanitor,
    ApplicationLogoutRepository,
    ApplicationLogoutTokens,
    ApplicationLogouts,
    ApplicationNames,
    ApplicationPages,
    ApplicationRegistry,
    ApplicationsService,
    ConnectedAppsPages,
    ConnectedAppsService,
    OrgAuthorization,
  ],
})
export class ApplicationsModule implements OnModuleInit {
  constructor(
    private readonly parts: FeatureParts,
    private readonly apps: ConnectedAppsPages,
    private readonly names: ApplicationNames,
  ) {}

  onModuleInit(): void {
    this.parts.use({
      applications: {
        connectedApps: async (read, userId) => this.apps.part(read, userId),
        namesOf: async (request, ids) => this.names.of(request, ids),
      },
    });
  }
}
