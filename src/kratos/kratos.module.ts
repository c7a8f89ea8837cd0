import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../config/configuration.js';
import { CircuitRegistry } from '../core/circuit.registry.js';
import { CoreModule } from '../core/core.module.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { UpstreamsModule } from '../upstreams/upstreams.module.js';
import { KratosClearance } from './kratos.clearance.js';
import { KratosClient } from './kratos.client.js';

/** Kratos, where it's the provider. */
@Module({})
export class KratosModule {
  static register(configuration: OryConfiguration): DynamicModule {
    return {
      module: KratosModule,
      imports: [CoreModule, UpstreamsModule],
      providers: [
        {
          provide: KratosClient,
          inject: [CircuitRegistry, UpstreamCalls],
          useFactory: (circuits: CircuitRegistry, calls: UpstreamCalls) =>
            new KratosClient(configuration, circuits.of('kratos'), calls),
        },
        {
          provide: KratosClearance,
          inject: [CircuitRegistry, UpstreamCalls],
          useFactory: (circuits: CircuitRegistry, calls: UpstreamCalls) =>
            new KratosClearance(configuration, circuits.of('kratos'), calls),
        },
      ],
      exports: [KratosClearance, KratosClient],
    };
  }
}
