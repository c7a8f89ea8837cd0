import { Module } from '@nestjs/common';
import { SessionModule } from '../session/session.module.js';
import { UpstreamToken } from './upstream-token.js';
import { Verification } from './verification.service.js';
import { VerifyByPathController } from './verify-by-path.controller.js';
import { VerifyController } from './verify.controller.js';
import { VerifyFilter } from './verify.filter.js';
import { VerifyRequirements } from './verify-requirements.js';

/** The module for forward auth, which proxies ask about requests. */
@Module({
  imports: [SessionModule],
  controllers: [VerifyController, VerifyByPathController],
  providers: [UpstreamToken, Verification, VerifyFilter, VerifyRequirements],
})
export class VerifyModule {}
