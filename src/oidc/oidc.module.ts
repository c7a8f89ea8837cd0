import { type DynamicModule, Module } from '@nestjs/common';
import { CircuitRegistry } from '../core/circuit.registry.js';
import { CoreModule } from '../core/core.module.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { UpstreamsModule } from '../upstreams/upstreams.module.js';
import { type OpenIdClientSettings, OpenIdProvider } from './openid.provider.js';

/** An OpenID provider, where one is configured. */
@Module({})
export class OidcModule {
  static register(settings: OpenIdClientSettings): DynamicModule {
    return {
      module: OidcModule,
      imports: [CoreModule, UpstreamsModule],
      providers: [
        {
          provide: OpenIdProvider,
          inject: [CircuitRegistry, UpstreamCalls],
          useFactory: (circuits: CircuitRegistry, calls: UpstreamCalls) =>
            new OpenIdProvider(settings, circuits.of('provider'), calls),
        },
      ],
      exports: [OpenIdProvider],
    };
  }
}
