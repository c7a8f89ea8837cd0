import type { DynamicModule, FactoryProvider, Provider, Type } from '@nestjs/common';
import { Auth0Client } from '../auth0/auth0.client.js';
import { Auth0Module } from '../auth0/auth0.module.js';
import type {
  Auth0Configuration,
  Configuration,
  OidcConfiguration,
  OryConfiguration,
} from '../config/configuration.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { HydraSigningKeys } from '../hydra/hydra.signing-keys.js';
import { HydraModule } from '../hydra/hydra.module.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { KratosModule } from '../kratos/kratos.module.js';
import { OidcModule } from '../oidc/oidc.module.js';
import { LogoutTokenVerifier } from '../oidc/logout.token.js';
import { type OpenIdClientSettings, OpenIdProvider } from '../oidc/openid.provider.js';
import { RelyingParty } from '../oidc/relying.party.js';
import { UsersService } from '../users/users.service.js';
import { AdministratorAppointment } from './administrator.appointment.js';
import { AuthStrategy } from './auth.strategy.js';
import { FlowDestination } from './flow.destination.js';
import { OryBootstrap } from './ory.bootstrap.js';
import { OryConsentController } from './ory-consent.controller.js';
import { OryConsentService } from './ory-consent.service.js';
import { OryDiscoveryController } from './ory-discovery.controller.js';
import { OryLoginController } from './ory-login.controller.js';
import { OryLogoutController } from './ory-logout.controller.js';
import { ProviderGrants } from './provider.grants.js';
import { OryStrategy } from './strategies/ory.strategy.js';
import { Auth0Strategy } from './strategies/auth0.strategy.js';
import { OidcStrategy } from './strategies/oidc.strategy.js';

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
        controllers: [OryLoginController, OryConsentController, OryLogoutController, OryDiscoveryController],
        providers: [
          oryBootstrap(configuration),
          oryStrategy(configuration),
          OryConsentService,
          FlowDestination,
        ],
        exports: [OryBootstrap, OryConsentService, FlowDestination],
      };
    case 'auth0':
      return {
        imports: [Auth0Module.register(configuration), OidcModule.register(auth0Client(configuration))],
        controllers: [],
        providers: [
          ProviderGrants,
          {
            provide: AuthStrategy,
            inject: [Auth0Client, OpenIdProvider, ProviderGrants],
            useFactory: (client: Auth0Client, provider: OpenIdProvider, grants: ProviderGrants) =>
              new Auth0Strategy(client, provider, grants, configuration),
          },
        ],
        exports: [],
      };
    case 'oidc':
      return {
        imports: [OidcModule.register(oidcClient(configuration))],
        controllers: [],
        providers: [
          ProviderGrants,
          {
            provide: AuthStrategy,
            inject: [OpenIdProvider, ProviderGrants],
            useFactory: (provider: OpenIdProvider, grants: ProviderGrants) =>
              new OidcStrategy(provider, grants, configuration),
          },
        ],
        exports: [],
      };
  }
}

function auth0Client(configuration: Auth0Configuration): OpenIdClientSettings {
  return {
    issuer: configuration.AUTH0_DOMAIN,
    clientId: configuration.AUTH0_CLIENT_ID,
    clientSecret: configuration.AUTH0_CLIENT_SECRET,
    allowedClientIds: configuration.ALLOWED_CLIENT_IDS,
    audience: configuration.AUTH0_AUDIENCE ?? configuration.TOKEN_AUDIENCE,
  };
}

function oidcClient(configuration: OidcConfiguration): OpenIdClientSettings {
  return {
    issuer: configuration.OIDC_ISSUER,
    clientId: configuration.OIDC_CLIENT_ID,
    clientSecret: configuration.OIDC_CLIENT_SECRET,
    allowedClientIds: configuration.ALLOWED_CLIENT_IDS,
    audience: configuration.TOKEN_AUDIENCE,
  };
}

function oryBootstrap(configuration: OryConfiguration): FactoryProvider<OryBootstrap> {
  return {
    provide: OryBootstrap,
    inject: [KratosClient, HydraClient, HydraSigningKeys, UsersService, AdministratorAppointment],
    useFactory: (
      kratos: KratosClient,
      hydra: HydraClient,
      hydraKeys: HydraSigningKeys,
      users: UsersService,
      appointment: AdministratorAppointment,
    ) => new OryBootstrap({ kratos, hydra, hydraKeys, users, appointment }, configuration),
  };
}

function oryStrategy(configuration: OryConfiguration): FactoryProvider<AuthStrategy> {
  return {
    provide: AuthStrategy,
    inject: [KratosClient, HydraClient, RelyingParty, LogoutTokenVerifier, OryBootstrap],
    useFactory: (
      kratos: KratosClient,
      hydra: HydraClient,
      relyingParty: RelyingParty,
      logoutTokens: LogoutTokenVerifier,
      bootstrap: OryBootstrap,
    ) => new OryStrategy({ kratos, hydra, relyingParty, logoutTokens, bootstrap }, configuration),
  };
}
