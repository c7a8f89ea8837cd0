import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { CoreModule } from '../../../platform/core/core.module.js';
import { UpstreamsModule } from '../../../platform/upstream/upstreams.module.js';
import { clientOf } from '../../part-factories.js';
import { KratosClearance } from './kratos-clearance.js';
import { KratosClient } from './kratos.client.js';
import { SessionQuestions } from './session-questions.js';

/** The module of Kratos, if it's the provider. */
@Module({})
export class KratosModule {
  static register(configuration: OryConfiguration): DynamicModule {
    return {
      module: KratosModule,
      imports: [CoreModule, UpstreamsModule],
      providers: [
        SessionQuestions,
        clientOf('kratos', KratosClient, (breaker, calls) => new KratosClient(configuration, breaker, calls)),
        clientOf(
          'kratos',
          KratosClearance,
          (breaker, calls) => new KratosClearance(configuration, breaker, calls),
        ),
      ],
      exports: [KratosClearance, KratosClient, SessionQuestions],
    };
  }
}
