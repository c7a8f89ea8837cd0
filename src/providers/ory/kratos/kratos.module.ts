import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { CoreModule } from '../../../platform/core/core.module.js';
import { CircuitRegistry } from '../../../platform/upstream/circuit-registry.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { DatabaseModule } from '../../../platform/database/database.module.js';
import { UpstreamsModule } from '../../../platform/upstream/upstreams.module.js';
import { partOf } from '../../part-factories.js';
import { IdentityLocks } from './identity-locks.js';
import { KratosClearance } from './kratos-clearance.js';
import { KratosClient } from './kratos.client.js';
import { SessionQuestions } from './session-questions.js';

/** The module of Kratos, if it's the provider. */
@Module({})
export class KratosModule {
  static register(configuration: OryConfiguration): DynamicModule {
    return {
      module: KratosModule,
      imports: [CoreModule, DatabaseModule, UpstreamsModule],
      providers: [
        SessionQuestions,
        IdentityLocks,
        partOf(
          KratosClient,
          [CircuitRegistry, UpstreamCalls, IdentityLocks],
          (circuits: CircuitRegistry, calls: UpstreamCalls, locks: IdentityLocks) =>
            new KratosClient(configuration, circuits.of('kratos'), calls, locks),
        ),
        partOf(
          KratosClearance,
          [CircuitRegistry, UpstreamCalls, IdentityLocks],
          (circuits: CircuitRegistry, calls: UpstreamCalls, locks: IdentityLocks) =>
            new KratosClearance(configuration, locks, circuits.of('kratos'), calls),
        ),
      ],
      exports: [IdentityLocks, KratosClearance, KratosClient, SessionQuestions],
    };
  }
}
