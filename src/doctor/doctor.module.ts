import { type DynamicModule, Module } from '@nestjs/common';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';
import type { Configuration } from '../platform/config/configuration.js';
import { SelfCheck } from './self.check.js';

/** The gateway's self-check. */
@Module({})
export class DoctorModule {
  /** @param looks whether the gateway runs the self-check after its start. */
  static register(configuration: Configuration, looks: boolean): DynamicModule {
    return {
      module: DoctorModule,
      providers: looks
        ? [
            {
              provide: SelfCheck,
              inject: [AuthStrategy],
              useFactory: (strategy: AuthStrategy) => new SelfCheck(strategy, configuration),
            },
          ]
        : [],
    };
  }
}
