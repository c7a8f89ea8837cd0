import { Module } from '@nestjs/common';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { AuditEventReader } from './audit-event.reader.js';
import { AuditEventsController } from './audit-events.controller.js';

/** The module with which administrators read the audit trail. */
@Module({ imports: [DatabaseModule], controllers: [AuditEventsController], providers: [AuditEventReader] })
export class AuditEventsModule {}
