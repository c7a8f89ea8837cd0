import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { SessionModule } from '../../session/session.module.js';
import { ConnectionMembersCount } from './owned/connection-members.js';
import { OrgConnectionsPageController } from './owned/org-connection-pages.controller.js';
import { OrgConnectionsController } from './owned/org-connections.controller.js';
import { OrgConnectionsService } from './owned/org-connections.service.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { OrgAuthorization } from '../../orgs/org-authorization.js';

/** The module of company logins: those that organisations connect, with the routes and pages of their owners. */
@Module({
  imports: [ApiKeysModule, AuditModule, CoreModule, DatabaseModule, PageFrameModule, SessionModule],
  controllers: [OrgConnectionsController, OrgConnectionsPageController],
  providers: [ConnectionMembersCount, OrgAuthorization, OrgConnectionsService, OrgEvents],
})
export class ConnectionsModule {}
