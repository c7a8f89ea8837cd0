import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { AuditRepository } from './audit.repository.js';
import { AuditRetention } from './audit.retention.js';
import { AuditService } from './audit.service.js';

/** The audit trail: what is written to it, and how long it's kept. */
@Module({
  imports: [CoreModule, DatabaseModule],
  providers: [AuditService, AuditRepository, AuditRetention],
  exports: [AuditService],
})
export class AuditModule {}
