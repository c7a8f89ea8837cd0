import type { DynamicModule, FactoryProvider, Provider, Type } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { Configuration, OryConfiguration } from '../config/configuration.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { HydraModule } from '../hydra/hydra.module.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { KratosModule } from '../kratos/kratos.module.js';
import { RelyingParty } from '../oidc/relying.party.js';
import { UsersService } from '../users/users.service.js';
import { AuthStrategy } from './auth.strategy.js';
import { OryBootstrap } from './ory.bootstrap.js';
import { OryConsentController } from './ory-consent.controller.js';
import { OryConsentService } from './ory-consent.service.js';
import { OryLoginController } from './ory-login.controller.js';
import { OryLogoutController } from './ory-logout.controller.js';
import { OryStrategy } from './strategies/ory.strategy.js';
import { UnavailableStrategy } from './strategies/unavailable.strategy.js';

/** What a provider brings into the auth module: its vendor modules, its routes, and its strategy. */
export interface ProviderWiring {
  readonly imports: readonly DynamicModule[];
  readonly controllers: readonly Type[];
  readonly providers: readonly Provider[];
  /** Which of the providers other modules may use. */
  readonly exports: readonly Type[];
}

/** The switch: the only place that reads `AUTH_PROVIDER` to decide who logs people in. */
export function wireProvider(configuration: Configuration): ProviderWiring {
  switch (configuration.AUTH_PROVIDER) {
    case 'ory':
      return {
        imports: [KratosModule.register(configuration), HydraModule.register(configuration)],
        controllers: [OryLoginController, OryConsentController, OryLogoutController],
        providers: [oryBootstrap(configuration), oryStrategy(configuration), OryConsentService],
        exports: [OryConsentService],
      };
    case 'auth0':
    case 'oidc':
      return {
        imports: [],
        controllers: [],
        providers: [{ provide: AuthStrategy, useClass: UnavailableStrategy }],
        exports: [],
      };
  }
}

function oryBootstrap(configuration: OryConfiguration): FactoryProvider<OryBootstrap> {
  return {
    provide: OryBootstrap,
    inject: [KratosClient, HydraClient, UsersService, AuditService],
    useFactory: (kratos: KratosClient, hydra: HydraClient, users: UsersService, audit: AuditService) =>
      new OryBootstrap({ kratos, hydra, users, audit }, configuration),
  };
}

function oryStrategy(configuration: OryConfiguration): FactoryProvider<AuthStrategy> {
  return {
    provide: AuthStrategy,
    inject: [KratosClient, HydraClient, RelyingParty, OryBootstrap],
    useFactory: (
      kratos: KratosClient,
      hydra: HydraClient,
      relyingParty: RelyingParty,
      bootstrap: OryBootstrap,
    ) => new OryStrategy({ kratos, hydra, relyingParty, bootstrap }, configuration),
  };
}
