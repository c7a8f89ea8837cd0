import { type DynamicModule, Module } from '@nestjs/common';
import type { Configuration } from './configuration.js';

/** DI token of the parsed environment: `@Inject(CONFIGURATION) configuration: Configuration`. */
export const CONFIGURATION = Symbol('CONFIGURATION');

/** Provides the configuration, which is read once before the application is created, to every module that imports this one. */
@Module({})
export class ConfigModule {
  /** Creates the module for a configuration; called once, in app.module. */
  static register(configuration: Configuration): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [{ provide: CONFIGURATION, useValue: configuration }],
      exports: [CONFIGURATION],
    };
  }
}
