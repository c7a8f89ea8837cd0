import { Module } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { AuditEventReader } from './audit-event-reader.js';
import { AuditEventsController } from './audit-events.controller.js';

/** The module with which administrators read the audit trail. */
@Module({
  imports: [AuditModule, DatabaseModule],
  controllers: [AuditEventsController],
  providers: [AuditEventReader],
})
export class AuditEventsModule {}
