import { type DynamicModule, Module } from '@nestjs/common';
import { AuthStrategy } from '../auth/auth.strategy.js';
import type { Configuration } from '../config/configuration.js';
import { CoreModule } from '../core/core.module.js';
import { ReachController } from './reach.controller.js';
import { SelfCheck } from './self.check.js';

/** The gateway's part in `vestibule doctor`, and its look at itself. */
@Module({})
export class DoctorModule {
  /** @param auth the application's auth module. @param looks whether the gateway looks at itself after its start. */
  static register(configuration: Configuration, auth: DynamicModule, looks: boolean): DynamicModule {
    return {
      module: DoctorModule,
      imports: [CoreModule, auth],
      controllers: [ReachController],
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
