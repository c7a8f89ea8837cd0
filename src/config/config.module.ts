import { type DynamicModule, Module } from '@nestjs/common';
import type { Configuration } from './configuration.js';

/** DI token of the parsed environment: `@Inject(CONFIGURATION) configuration: Configuration`. */
export const CONFIGURATION = Symbol('CONFIGURATION');

/** Hands the configuration, read once before the application is made, to whoever imports this module. */
@Module({})
export class ConfigModule {
  /** The module that holds this configuration; made once, in app.module. */
  static register(configuration: Configuration): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [{ provide: CONFIGURATION, useValue: configuration }],
      exports: [CONFIGURATION],
    };
  }
}
