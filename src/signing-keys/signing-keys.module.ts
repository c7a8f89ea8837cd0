import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { SessionModule } from '../session/session.module.js';
import { SigningKeysController } from './signing-keys.controller.js';
import { SigningKeys } from './signing-keys.service.js';

/** The keys that sign tokens, for administrators. */
@Module({
  imports: [AuditModule, SessionModule],
  controllers: [SigningKeysController],
  providers: [SigningKeys],
})
export class SigningKeysModule {}
