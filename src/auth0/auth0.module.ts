import { type DynamicModule, Module } from '@nestjs/common';
import type { Auth0Configuration } from '../config/configuration.js';
import { CircuitRegistry } from '../core/circuit.registry.js';
import { CoreModule } from '../core/core.module.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { UpstreamsModule } from '../upstreams/upstreams.module.js';
import { Auth0Client } from './auth0.client.js';

/** Auth0, where it's the provider. */
@Module({})
export class Auth0Module {
  static register(configuration: Auth0Configuration): DynamicModule {
    return {
      module: Auth0Module,
      imports: [CoreModule, UpstreamsModule],
      providers: [
        {
          provide: Auth0Client,
          inject: [CircuitRegistry, UpstreamCalls],
          useFactory: (circuits: CircuitRegistry, calls: UpstreamCalls) =>
            new Auth0Client(configuration, circuits.of('provider'), calls),
        },
      ],
      exports: [Auth0Client],
    };
  }
}
