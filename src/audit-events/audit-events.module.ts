import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { AuditEventReader } from './audit-event.reader.js';
import { AuditEventsController } from './audit-events.controller.js';

/** The audit trail, as administrators read it. */
@Module({ imports: [DatabaseModule], controllers: [AuditEventsController], providers: [AuditEventReader] })
export class AuditEventsModule {}
