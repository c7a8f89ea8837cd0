import { type DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DatabaseModule } from '../database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { HealthController } from './health.controller.js';
import { ProviderHealth } from './provider.health.js';

/** Liveness and readiness. */
@Module({})
export class HealthModule {
  /** @param auth the application's auth module, whose provider is asked. */
  static register(auth: DynamicModule): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ errorLogStyle: 'json' }), DatabaseModule, SessionModule, auth],
      controllers: [HealthController],
      providers: [ProviderHealth],
    };
  }
}
