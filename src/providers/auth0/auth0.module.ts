import { type DynamicModule, Module } from '@nestjs/common';
import type { Auth0Configuration } from '../../platform/config/configuration.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { UpstreamsModule } from '../../platform/upstream/upstreams.module.js';
import { clientOf } from '../part-factories.js';
import { Auth0Client } from './auth0.client.js';

/** The module of Auth0, if it's the provider. */
@Module({})
export class Auth0Module {
  static register(configuration: Auth0Configuration): DynamicModule {
    return {
      module: Auth0Module,
      imports: [CoreModule, UpstreamsModule],
      providers: [
        clientOf('provider', Auth0Client, (breaker, calls) => new Auth0Client(configuration, breaker, calls)),
      ],
      exports: [Auth0Client],
    };
  }
}
