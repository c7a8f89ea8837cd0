import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { AuditService } from './audit.service.js';

/** The audit trail. */
@Module({ imports: [CoreModule, DatabaseModule], providers: [AuditService], exports: [AuditService] })
export class AuditModule {}
