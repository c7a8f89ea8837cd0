import { Module } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { SessionModule } from '../../session/session.module.js';
import { AgentsController } from './agents.controller.js';
import { ApplicationUsersController } from './application-users.controller.js';
import { ApplicationsController } from './applications.controller.js';
import { ApplicationsService } from './applications.service.js';
import { ConnectedAppsController } from './connected-apps.controller.js';
import { ConnectedAppsService } from './connected-apps.service.js';
import { UserConnectedAppsController } from './user-connected-apps.controller.js';

/** The module of applications that log users in here: routes that exist where the gateway administers them. */
@Module({
  imports: [CoreModule, AuditModule, SessionModule, UsersModule],
  controllers: [
    ApplicationsController,
    AgentsController,
    ApplicationUsersController,
    ConnectedAppsController,
    UserConnectedAppsController,
  ],
  providers: [ApplicationsService, ConnectedAppsService],
  exports: [ApplicationsService],
})
export class ApplicationsModule {}
