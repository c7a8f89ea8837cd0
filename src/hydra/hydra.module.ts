import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../config/configuration.js';
import { CircuitRegistry } from '../core/circuit.registry.js';
import { CoreModule } from '../core/core.module.js';
import { HttpModule } from '../http/http.module.js';
import { CookieJar } from '../http/cookie.writer.js';
import { LogoutTokenVerifier } from '../oidc/logout.token.js';
import { ProviderKeys } from '../oidc/provider.keys.js';
import { RelyingParty } from '../oidc/relying.party.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { UpstreamsModule } from '../upstreams/upstreams.module.js';
import { ChallengeBinding } from './challenge.binding.js';
import { HydraClient } from './hydra.client.js';
import { HydraDiscovery } from './hydra.discovery.js';
import { hydraKeysUrl, hydraLogoutTokens, hydraRelyingParty } from './hydra.relying-party.js';
import { HydraSigningKeys } from './hydra.signing-keys.js';

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
          provide: HydraDiscovery,
          inject: [CircuitRegistry, UpstreamCalls],
          useFactory: (circuits: CircuitRegistry, calls: UpstreamCalls) =>
            new HydraDiscovery(configuration, circuits.of('hydra'), calls),
        },
        {
          provide: HydraSigningKeys,
          inject: [UpstreamCalls],
          useFactory: (calls: UpstreamCalls) => new HydraSigningKeys(configuration, calls),
        },
        {
          provide: ChallengeBinding,
          inject: [CookieJar],
          useFactory: (jar: CookieJar) =>
            new ChallengeBinding(configuration.SECRETS, jar.name('vestibule-challenge')),
        },
        {
          provide: RelyingParty,
          inject: [ProviderKeys, CircuitRegistry, UpstreamCalls],
          useFactory: (keys: ProviderKeys, circuits: CircuitRegistry, calls: UpstreamCalls) =>
            hydraRelyingParty(configuration, keys, circuits.of('hydra'), calls),
        },
        { provide: ProviderKeys, useFactory: () => new ProviderKeys(hydraKeysUrl(configuration)) },
        {
          provide: LogoutTokenVerifier,
          inject: [ProviderKeys],
          useFactory: (keys: ProviderKeys) => hydraLogoutTokens(configuration, keys),
        },
      ],
      exports: [
        ChallengeBinding,
        HydraClient,
        HydraDiscovery,
        HydraSigningKeys,
        LogoutTokenVerifier,
        RelyingParty,
      ],
    };
  }
}
