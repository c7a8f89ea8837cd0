import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { CircuitRegistry } from '../../../platform/upstream/circuit-registry.js';
import { CoreModule } from '../../../platform/core/core.module.js';
import { HttpModule } from '../../../platform/http/http.module.js';
import { LanguagesModule } from '../../../platform/i18n/languages.module.js';
import { LogoutTokenVerifier } from '../../oidc/logout-token.js';
import { ProviderKeys } from '../../../platform/upstream/provider-keys.js';
import { RelyingParty } from '../../oidc/relying-party.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { UpstreamsModule } from '../../../platform/upstream/upstreams.module.js';
import { DatabaseModule } from '../../../platform/database/database.module.js';
import { SessionModule } from '../../../session/session.module.js';
import { clientOf, partOf } from '../../part-factories.js';
import { ResourceRegistry } from './resource-registry.js';
import { AddedConsents } from './added-consents.js';
import { ApplicationLogins } from './application-logins.js';
import { ApplicationSecretRepository } from './application-secret.repository.js';
import { ApplicationUses } from './application-uses.js';
import { ChallengeBinding } from './challenge-binding.js';
import { ClientAssertions } from './client-assertions.js';
import { ClientRepository } from './client.repository.js';
import { HydraApplications } from './hydra-applications.js';
import { HydraClient } from './hydra.client.js';
import { HydraGrants } from './hydra-grants.js';
import { HydraDiscovery } from './hydra-discovery.js';
import { hydraKeysUrl, hydraLogoutTokens, hydraRelyingParty } from './hydra-relying-party.js';
import { HydraSigningKeys } from './hydra-signing-keys.js';
import { IdTokenSigner } from './id-token-signer.js';
import { OwnLogins } from './own-logins.js';
import { RefreshAnswerJanitor } from './refresh-answer-janitor.js';
import { RefreshAnswerRepository } from './refresh-answer.repository.js';

/** The module of Hydra, if it's the provider. */
@Module({})
export class HydraModule {
  static register(configuration: OryConfiguration): DynamicModule {
    return {
      module: HydraModule,
      imports: [CoreModule, DatabaseModule, HttpModule, LanguagesModule, SessionModule, UpstreamsModule],
      providers: [
        clientOf('hydra', HydraClient, (breaker, calls) => new HydraClient(configuration, breaker, calls)),
        AddedConsents,
        ApplicationLogins,
        ApplicationSecretRepository,
        ApplicationUses,
        ChallengeBinding,
        ClientAssertions,
        ClientRepository,
        HydraApplications,
        HydraDiscovery,
        HydraGrants,
        HydraSigningKeys,
        IdTokenSigner,
        OwnLogins,
        RefreshAnswerJanitor,
        RefreshAnswerRepository,
        ResourceRegistry,
        partOf(ProviderKeys, [], () => new ProviderKeys(hydraKeysUrl(configuration))),
        partOf(RelyingParty, [ProviderKeys, CircuitRegistry, UpstreamCalls], (keys, circuits, calls) =>
          hydraRelyingParty(configuration, keys, circuits.of('hydra'), calls),
        ),
        partOf(LogoutTokenVerifier, [ProviderKeys], (keys) => hydraLogoutTokens(configuration, keys)),
      ],
      exports: [
        AddedConsents,
        ApplicationLogins,
        ApplicationSecretRepository,
        ApplicationUses,
        ChallengeBinding,
        ClientAssertions,
        ClientRepository,
        HydraApplications,
        HydraClient,
        HydraDiscovery,
        HydraGrants,
        HydraSigningKeys,
        IdTokenSigner,
        LogoutTokenVerifier,
        OwnLogins,
        ProviderKeys,
        RefreshAnswerRepository,
        RelyingParty,
        ResourceRegistry,
      ],
    };
  }
}
