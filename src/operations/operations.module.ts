import { Module } from '@nestjs/common';
import { AuditModule } from '../directory/audit/audit.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { AuditEventReader } from './audit-events/audit-event-reader.js';
import { AuditEventsController } from './audit-events/audit-events.controller.js';
import { SigningKeysController } from './signing-keys/signing-keys.controller.js';
import { SigningKeys } from './signing-keys/signing-keys.service.js';

/** The module with which administrators read the audit trail, and list and rotate the signing keys. */
@Module({
  imports: [AuditModule, DatabaseModule, SessionModule],
  controllers: [AuditEventsController, SigningKeysController],
  providers: [AuditEventReader, SigningKeys],
})
export class OperationsModule {}
