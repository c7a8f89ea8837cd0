import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../config/configuration.js';
import { KratosClient } from './kratos.client.js';

/** Kratos, where it's the provider. */
@Module({})
export class KratosModule {
  static register(configuration: OryConfiguration): DynamicModule {
    return {
      module: KratosModule,
      providers: [{ provide: KratosClient, useFactory: () => new KratosClient(configuration) }],
      exports: [KratosClient],
    };
  }
}
