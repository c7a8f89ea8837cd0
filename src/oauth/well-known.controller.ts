import { Controller, Get, Header, Inject, applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { JWK } from 'jose';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Public } from '../session/guards/access.decorators.js';
import { scopeCatalogue } from '../session/guards/scopes.js';
import { SigningKeyRing } from '../session/tokens/signing-key.ring.js';
import { AuthorizationServer } from './authorization.server.js';
import { deliveryMethods } from './signals/signal.schemas.js';

/** Seconds for which others may cache the keys: they accept a revoked key this much longer. */
const maxAge = 60;

const keyExample = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  kid: 'oSbnJ3rWn7pXHLZfJsW6mPx8-wJdXPVbTk3ECuCyTOk',
  alg: 'ES256',
  use: 'sig',
};
const metadataProperties = {
  issuer: { type: 'string', format: 'uri', example: 'https://auth.example.org' },
  jwks_uri: { type: 'string', format: 'uri', example: 'https://auth.example.org/.well-known/jwks.json' },
  token_endpoint: { type: 'string', format: 'uri', example: 'https://auth.example.org/auth/token' },
  grant_types_supported: { type: 'array', items: { type: 'string' } },
};

/** What the OpenAPI document states about the metadata of a protected resource. */
const ProtectedResourceOperation = (summary: string): MethodDecorator =>
  applyDecorators(
    ApiOperation({
      summary,
      description:
        'Which tokens it takes, and where they come from. `WWW-Authenticate` of a refused request to the API names the address.',
    }),
    ApiResponse({
      status: 200,
      description: 'The metadata.',
      schema: {
        type: 'object',
        required: ['resource', 'authorization_servers'],
        properties: {
          resource: { type: 'string', format: 'uri', example: 'https://auth.example.org/api' },
          authorization_servers: { type: 'array', items: { type: 'string', format: 'uri' } },
          scopes_supported: { type: 'array', items: { type: 'string' } },
          bearer_methods_supported: { type: 'array', items: { type: 'string' } },
        },
      },
    }),
  );

/** The routes that a downstream service needs to verify augmented tokens by itself. */
@ApiTags('discovery')
@Controller('.well-known')
@Public()
export class WellKnownController {
  readonly #keys: SigningKeyRing;
  readonly #authorizationServer: AuthorizationServer;
  readonly #issuer: string;

  constructor(
    keys: SigningKeyRing,
    authorizationServer: AuthorizationServer,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#keys = keys;
    this.#authorizationServer = authorizationServer;
    this.#issuer = PUBLIC_URL;
  }

  @Get('jwks.json')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ApiOperation({
    summary: 'Public keys of the augmented token (JWK Set, RFC 7517)',
    description: `Verify tokens with them, without a call to this gateway. Keep them for ${maxAge} seconds at most: a revoked key is believed that much longer.`,
  })
  @ApiResponse({
    status: 200,
    description: 'The key set.',
    schema: {
      type: 'object',
      required: ['keys'],
      properties: { keys: { type: 'array', items: { type: 'object', example: keyExample } } },
    },
  })
  jwks(): { keys: JWK[] } {
    return this.#keys.jwks();
  }

  @Get('oauth-authorization-server')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ApiOperation({
    summary: 'Metadata of the augmented token’s issuer (RFC 8414)',
    description: 'Where the keys and the token endpoint are.',
  })
  @ApiResponse({
    status: 200,
    description: 'The metadata.',
    schema: {
      type: 'object',
      required: ['issuer', 'jwks_uri', 'token_endpoint'],
      properties: metadataProperties,
    },
  })
  metadata(): Record<string, unknown> {
    return {
      issuer: this.#issuer,
      jwks_uri: `${this.#issuer}/.well-known/jwks.json`,
      token_endpoint: `${this.#issuer}/auth/token`,
      authorization_endpoint: `${this.#issuer}/auth/cli`,
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange', 'authorization_code'],
      code_challenge_methods_supported: ['S256'],
      response_types_supported: [],
      service_documentation: `${this.#issuer}/docs`,
      ...this.#authorizationServer.metadata(),
    };
  }

  @Get('oauth-protected-resource')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ProtectedResourceOperation('Metadata of the gateway as a protected resource (RFC 9728)')
  gatewayResource(): Record<string, unknown> {
    return this.#resource(this.#issuer);
  }

  @Get('oauth-protected-resource/api')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ProtectedResourceOperation('Metadata of the gateway’s own API as a protected resource (RFC 9728)')
  apiResource(): Record<string, unknown> {
    return this.#resource(`${this.#issuer}/api`);
  }

  /** @param resource identifier, from whose address the document is read (RFC 9728 section 3.3). */
  #resource(resource: string): Record<string, unknown> {
    return {
      resource,
      authorization_servers: [this.#issuer],
      jwks_uri: `${this.#issuer}/.well-known/jwks.json`,
      scopes_supported: Object.keys(scopeCatalogue),
      bearer_methods_supported: ['header'],
      resource_name: 'Vestibule',
      resource_documentation: `${this.#issuer}/docs`,
    };
  }

  @Get('ssf-configuration')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @ApiOperation({
    summary: 'Metadata of the transmitter of security events (OpenID Shared Signals Framework 1.0)',
    description: 'Where receivers create their streams.',
  })
  @ApiResponse({
    status: 200,
    description: 'The metadata.',
    schema: {
      type: 'object',
      required: ['spec_version', 'issuer', 'jwks_uri', 'configuration_endpoint'],
      properties: {
        spec_version: { type: 'string', example: '1_0' },
        issuer: metadataProperties.issuer,
        jwks_uri: metadataProperties.jwks_uri,
        configuration_endpoint: {
          type: 'string',
          format: 'uri',
          example: 'https://auth.example.org/ssf/streams',
        },
      },
    },
  })
  signals(): Record<string, unknown> {
    return {
      spec_version: '1_0',
      issuer: this.#issuer,
      jwks_uri: `${this.#issuer}/.well-known/jwks.json`,
      delivery_methods_supported: Object.values(deliveryMethods),
      configuration_endpoint: `${this.#issuer}/ssf/streams`,
      status_endpoint: `${this.#issuer}/ssf/status`,
      verification_endpoint: `${this.#issuer}/ssf/verify`,
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
      default_subjects: 'ALL',
    };
  }
}
