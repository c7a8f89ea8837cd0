import { Controller, Get, Header, Inject, applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { JWK } from 'jose';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Public } from '../guards/access.decorators.js';
import { ScopeCatalogue } from '../../platform/features/scope.catalogue.js';
import { AuthorizationServer } from './authorization-server.js';
import { ProofsOfPossession } from '../tokens/proofs-of-possession.js';
import { PublishedKeys } from './published-keys.js';

/** Seconds for which others may cache the keys: they accept a revoked key this much longer. */
export const maxAge = 60;

const keyExample = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  kid: 'oSbnJ3rWn7pXHLZfJsW6mPx8-wJdXPVbTk3ECuCyTOk',
  alg: 'ES256',
  use: 'sig',
};
export const metadataProperties = {
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
        'Which tokens the resource accepts, and who issues them. `WWW-Authenticate` of a refused API request has the URL of this document.',
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
          dpop_signing_alg_values_supported: { type: 'array', items: { type: 'string' } },
        },
      },
    }),
  );

/** The routes that a downstream service needs to verify augmented tokens by itself. */
@ApiTags('discovery')
@Controller('.well-known')
@Public()
export class WellKnownController {
  readonly #issuer: string;
  readonly #audience: string;

  constructor(
    private readonly keys: PublishedKeys,
    private readonly authorizationServer: AuthorizationServer,
    private readonly catalogue: ScopeCatalogue,
    private readonly proofs: ProofsOfPossession,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#issuer = configuration.PUBLIC_URL;
    this.#audience = configuration.TOKEN_AUDIENCE;
  }

  @Get('jwks.json')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ApiOperation({
    summary: 'Get the public keys that verify tokens (JWK Set, RFC 7517)',
    description: `Services verify this gateway’s tokens with these keys, without calling it. Those with the algorithm RS256 sign security events alone. Cache them for at most ${maxAge} seconds: a revoked key is trusted that much longer.`,
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
    return this.keys.jwks();
  }

  @Get('oauth-authorization-server')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ApiOperation({
    summary: 'Get the metadata of the token issuer (RFC 8414)',
    description: 'Names the URLs of the keys and of the token endpoint.',
  })
  @ApiResponse({
    status: 200,
    description: 'The metadata.',
    schema: {
      type: 'object',
      required: ['issuer', 'jwks_uri'],
      properties: metadataProperties,
    },
  })
  metadata(): Record<string, unknown> {
    return {
      issuer: this.#issuer,
      jwks_uri: `${this.#issuer}/.well-known/jwks.json`,
      code_challenge_methods_supported: ['S256'],
      response_types_supported: [],
      service_documentation: `${this.#issuer}/docs`,
      ...this.authorizationServer.metadata(),
    };
  }

  @Get('oauth-protected-resource')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ProtectedResourceOperation('Get the metadata of the gateway as a protected resource (RFC 9728)')
  gatewayResource(): Record<string, unknown> {
    return this.#resource(this.#issuer);
  }

  @Get('oauth-protected-resource/api')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ProtectedResourceOperation('Get the metadata of the gateway’s own API as a protected resource (RFC 9728)')
  apiResource(): Record<string, unknown> {
    return this.#resource(`${this.#issuer}/api`);
  }

  /** @param resource identifier, from whose address the document is read (RFC 9728 section 3.3). */
  #resource(resource: string): Record<string, unknown> {
    return {
      resource,
      authorization_servers: [this.#issuer],
      jwks_uri: `${this.#issuer}/.well-known/jwks.json`,
      scopes_supported: [...this.catalogue.scopes.keys()],
      bearer_methods_supported: ['header'],
      ...this.proofs.metadataFor([this.#audience]),
      resource_name: 'Vestibule',
      resource_documentation: `${this.#issuer}/docs`,
    };
  }
}
