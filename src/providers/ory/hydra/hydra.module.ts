import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { CircuitRegistry } from '../../../platform/upstream/circuit.registry.js';
import { CoreModule } from '../../../platform/core/core.module.js';
import { HttpModule } from '../../../platform/http/http.module.js';
import { CookieWriter } from '../../../platform/http/cookie.writer.js';
import { LanguageCatalogue } from '../../../platform/i18n/language.catalogue.js';
import { LanguagesModule } from '../../../platform/i18n/languages.module.js';
import { LogoutTokenVerifier } from '../../oidc/logout.token.js';
import { ProviderKeys } from '../../oidc/provider.keys.js';
import { RelyingParty } from '../../oidc/relying.party.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream.calls.js';
import { UpstreamsModule } from '../../../platform/upstream/upstreams.module.js';
import { clientOf, partOf } from '../../part.factories.js';
import { ChallengeBinding } from './challenge.binding.js';
import { HydraClient } from './hydra.client.js';
import { HydraDiscovery } from './hydra.discovery.js';
import { hydraKeysUrl, hydraLogoutTokens, hydraRelyingParty } from './hydra.relying-party.js';
import { HydraSigningKeys } from './hydra.signing-keys.js';

/** The module of Hydra, if it's the provider. */
@Module({})
export class HydraModule {
  static register(configuration: OryConfiguration): DynamicModule {
    return {
      module: HydraModule,
      imports: [CoreModule, HttpModule, LanguagesModule, UpstreamsModule],
      providers: [
        clientOf('hydra', HydraClient, (breaker, calls) => new HydraClient(configuration, breaker, calls)),
        partOf(
          HydraDiscovery,
          [CircuitRegistry, UpstreamCalls, LanguageCatalogue],
          (circuits, calls, languages) =>
            new HydraDiscovery(configuration, circuits.of('hydra'), calls, languages),
        ),
        partOf(HydraSigningKeys, [UpstreamCalls], (calls) => new HydraSigningKeys(configuration, calls)),
        partOf(
          ChallengeBinding,
          [CookieWriter],
          (cookies) => new ChallengeBinding(configuration.SECRETS, cookies.name('vestibule-challenge')),
        ),
        partOf(ProviderKeys, [], () => new ProviderKeys(hydraKeysUrl(configuration))),
        partOf(RelyingParty, [ProviderKeys, CircuitRegistry, UpstreamCalls], (keys, circuits, calls) =>
          hydraRelyingParty(configuration, keys, circuits.of('hydra'), calls),
        ),
        partOf(LogoutTokenVerifier, [ProviderKeys], (keys) => hydraLogoutTokens(configuration, keys)),
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
