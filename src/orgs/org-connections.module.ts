import { Module } from '@nestjs/common';
import { AuditModule } from '../directory/audit/audit.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { OrgConnectionsController } from './org-connections.controller.js';
import { OrgConnectionsService } from './org-connections.service.js';
import { OrgEvents } from './org.events.js';
import { OrgStanding } from './org.standing.js';

/** The module of organisations' connections: routes that exist where the gateway has connections. */
@Module({
  imports: [AuditModule, DatabaseModule, SessionModule],
  controllers: [OrgConnectionsController],
  providers: [OrgConnectionsService, OrgEvents, OrgStanding],
})
export class OrgConnectionsModule {}
