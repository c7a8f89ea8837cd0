import { Module } from '@nestjs/common';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { AuditRepository } from './audit.repository.js';
import { AuditRetention } from './audit-retention.js';
import { AuditService } from './audit.service.js';

/** The module that writes the audit trail and removes old events. */
@Module({
  imports: [CoreModule, DatabaseModule],
  providers: [AuditService, AuditRepository, AuditRetention],
  exports: [AuditService],
})
export class AuditModule {}
