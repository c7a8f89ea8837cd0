import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditModule } from '../directory/audit/audit.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { ConnectionMembersCount } from './connection-members.js';
import { OrgConnectionsController } from './org-connections.controller.js';
import { OrgConnectionsService } from './org-connections.service.js';
import { OrgEvents } from './org-events.js';
import { OrgAuthorization } from './org-authorization.js';

/** The module of organisations' connections: routes that exist where the gateway has connections. */
@Module({
  imports: [ApiKeysModule, AuditModule, DatabaseModule, SessionModule],
  controllers: [OrgConnectionsController],
  providers: [ConnectionMembersCount, OrgConnectionsService, OrgEvents, OrgAuthorization],
})
export class OrgConnectionsModule {}
