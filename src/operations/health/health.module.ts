import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { SessionModule } from '../../session/session.module.js';
import { HealthController } from './health.controller.js';
import { ProviderHealth } from './provider-health.js';

/** The module for liveness and readiness. */
@Module({
  imports: [TerminusModule.forRoot({ errorLogStyle: 'json' }), DatabaseModule, SessionModule],
  controllers: [HealthController],
  providers: [ProviderHealth],
})
export class HealthModule {}
