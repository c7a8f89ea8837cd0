import { type DynamicModule, Module } from '@nestjs/common';
import type { Auth0Configuration } from '../config/configuration.js';
import { Auth0Client } from './auth0.client.js';

/** Auth0, where it's the provider. */
@Module({})
export class Auth0Module {
  static register(configuration: Auth0Configuration): DynamicModule {
    return {
      module: Auth0Module,
      providers: [{ provide: Auth0Client, useFactory: () => new Auth0Client(configuration) }],
      exports: [Auth0Client],
    };
  }
}
