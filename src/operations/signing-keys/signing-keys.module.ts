import { Module } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { SessionModule } from '../../session/session.module.js';
import { SigningKeysController } from './signing-keys.controller.js';
import { SigningKeys } from './signing-keys.service.js';

/** The module with which administrators list and rotate the signing keys. */
@Module({
  imports: [AuditModule, SessionModule],
  controllers: [SigningKeysController],
  providers: [SigningKeys],
})
export class SigningKeysModule {}
