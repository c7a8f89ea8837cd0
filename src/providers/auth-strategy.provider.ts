import type { Abstract, DynamicModule, Provider, Type } from '@nestjs/common';
import { Auth0Module } from './auth0/auth0.module.js';
import type {
  Auth0Configuration,
  Configuration,
  OidcConfiguration,
  OryConfiguration,
} from '../platform/config/configuration.js';
import { HydraApplications } from './ory/hydra/hydra-applications.js';
import { HydraGrants } from './ory/hydra/hydra-grants.js';
import { HydraClient } from './ory/hydra/hydra.client.js';
import { HydraModule } from './ory/hydra/hydra.module.js';
import { KratosClearance } from './ory/kratos/kratos-clearance.js';
import { KratosClient } from './ory/kratos/kratos.client.js';
import { KratosSource } from './ory/kratos/kratos-source.js';
import { CompanyLogins } from './ory/sources/company-logins.js';
import { IdentitySource } from './ory/sources/identity-source.js';
import { IdentitySources } from './ory/sources/identity-sources.js';
import { KratosModule } from './ory/kratos/kratos.module.js';
import { LogoutTokenVerifier } from './oidc/logout-token.js';
import { type OpenIdClientSettings, OpenIdProvider } from './oidc/openid.provider.js';
import { OpenIdRenewals } from './oidc/openid-renewals.js';
import { RelyingParty } from './oidc/relying-party.js';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';
import { OryBootstrap } from './ory/ory-bootstrap.js';
import { ProviderGrants } from '../session/store/provider-grants.js';
import { OryStrategy } from './ory/ory.strategy.js';
import { Auth0Strategy } from './auth0/auth0.strategy.js';
import { OidcStrategy } from './oidc/oidc.strategy.js';
import { clientOf, partOf } from './part-factories.js';

/** The parts of a provider: its vendor modules, its strategy, and what other modules may use besides. */
export interface ProviderWiring {
  readonly imports: readonly DynamicModule[];
  readonly providers: readonly Provider[];
  /** The parts that other modules may use, besides the {@link AuthStrategy}. */
  readonly exports: readonly (Type | Abstract<unknown>)[];
}

/** Selects the provider. No other code reads `AUTH_PROVIDER` to decide how users log in. */
export function wireProvider(configuration: Configuration): ProviderWiring {
  switch (configuration.AUTH_PROVIDER) {
    case 'ory':
      return {
        imports: [KratosModule.register(configuration), HydraModule.register(configuration)],
        providers: [CompanyLogins, identitySources(), OryBootstrap, oryStrategy(configuration)],
        exports: [CompanyLogins, IdentitySource, OryBootstrap],
      };
    case 'auth0':
      return {
        imports: [Auth0Module.register(configuration)],
        providers: [
          ProviderGrants,
          openIdProvider(auth0Client(configuration)),
          OpenIdRenewals,
          { provide: AuthStrategy, useClass: Auth0Strategy },
        ],
        exports: [],
      };
    case 'oidc':
      return {
        imports: [],
        providers: [
          ProviderGrants,
          openIdProvider(oidcClient(configuration)),
          OpenIdRenewals,
          { provide: AuthStrategy, useClass: OidcStrategy },
        ],
        exports: [],
      };
  }
}

function openIdProvider(settings: OpenIdClientSettings): Provider {
  return clientOf(
    'provider',
    OpenIdProvider,
    (breaker, calls) => new OpenIdProvider(settings, breaker, calls),
  );
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

function identitySources(): Provider {
  return partOf(
    IdentitySource,
    [CompanyLogins, KratosClient],
    (companies, kratos) => new IdentitySources(companies, [], new KratosSource(kratos)),
  );
}

function oryStrategy(configuration: OryConfiguration): Provider {
  return partOf(
    AuthStrategy,
    [
      KratosClient,
      KratosClearance,
      IdentitySource,
      HydraClient,
      RelyingParty,
      LogoutTokenVerifier,
      OryBootstrap,
      HydraApplications,
      HydraGrants,
    ],
    (kratos, clearance, sources, hydra, relyingParty, logoutTokens, bootstrap, applications, grants) =>
      new OryStrategy(
        { kratos, clearance, sources, hydra, relyingParty, logoutTokens, bootstrap, applications, grants },
        configuration,
      ),
  );
}
