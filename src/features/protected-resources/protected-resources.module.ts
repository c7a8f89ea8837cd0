import { Inject, Module } from '@nestjs/common';
import { UsersModule } from '../../directory/users/users.module.js';
import { LoginModule } from '../../login/login.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import type { SettingsOf } from '../../platform/features/feature.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import { ProxyModule } from '../../providers/ory/proxy/proxy.module.js';
import { DiscoveryModule } from '../../session/discovery/discovery.module.js';
import { SessionModule } from '../../session/session.module.js';
import { GrantKeyRepository } from './grant-key.repository.js';
import { protectedResourceSettings } from './protected-resources.settings.js';
import { ResourceAuthorization } from './resource-authorization.js';
import { ResourceConsents } from './resource-consents.js';
import { ResourceGate } from './resource.gate.js';
import { ResourceKeys } from './resource-keys.js';
import { ResourceSubjects } from './resource-subjects.js';
import { ResourceTokens } from './resource-tokens.js';

/** The module of tokens for protected resources. */
@Module({
  imports: [CoreModule, DiscoveryModule, LoginModule, ProxyModule, SessionModule, UsersModule],
  providers: [
    GrantKeyRepository,
    ResourceAuthorization,
    ResourceConsents,
    ResourceGate,
    ResourceKeys,
    ResourceSubjects,
    ResourceTokens,
  ],
})
export class ProtectedResourcesModule {
  constructor(
    registry: ResourceRegistry,
    consents: ResourceConsents,
    tokens: ResourceTokens,
    @Inject(protectedResourceSettings.token) settings: SettingsOf<typeof protectedResourceSettings>,
  ) {
    registry.use({
      resources: settings.PROTECTED_RESOURCES,
      contextOf: async (consent) => consents.contextOf(consent),
      requireLive: async (token) => tokens.requireLive(token),
    });
  }
}
