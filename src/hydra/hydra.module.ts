import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../config/configuration.js';
import { CircuitRegistry } from '../core/circuit.registry.js';
import { CoreModule } from '../core/core.module.js';
import { HttpModule } from '../http/http.module.js';
import { CookieJar } from '../http/cookie.writer.js';
import { LogoutTokenVerifier } from '../oidc/logout.token.js';
import { RelyingParty } from '../oidc/relying.party.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { UpstreamsModule } from '../upstreams/upstreams.module.js';
import { ChallengeBinding } from './challenge.binding.js';
import { HydraClient } from './hydra.client.js';
import { hydraLogoutTokens, hydraRelyingParty } from './hydra.relying-party.js';

/** Hydra, where it's the provider. */
@Module({})
export class HydraModule {
  static register(configuration: OryConfiguration): DynamicModule {
    return {
      module: HydraModule,
      imports: [CoreModule, HttpModule, UpstreamsModule],
      providers: [
        {
          provide: HydraClient,
          inject: [CircuitRegistry, UpstreamCalls],
          useFactory: (circuits: CircuitRegistry, calls: UpstreamCalls) =>
            new HydraClient(configuration, circuits.of('hydra'), calls),
        },
        {
          provide: ChallengeBinding,
          inject: [CookieJar],
          useFactory: (jar: CookieJar) =>
            new ChallengeBinding(configuration.SECRETS, jar.name('vestibule-challenge')),
        },
        {
          provide: RelyingParty,
          inject: [CircuitRegistry, UpstreamCalls],
          useFactory: (circuits: CircuitRegistry, calls: UpstreamCalls) =>
            hydraRelyingParty(configuration, circuits.of('hydra'), calls),
        },
        { provide: LogoutTokenVerifier, useFactory: () => hydraLogoutTokens(configuration) },
      ],
      exports: [ChallengeBinding, HydraClient, LogoutTokenVerifier, RelyingParty],
    };
  }
}
