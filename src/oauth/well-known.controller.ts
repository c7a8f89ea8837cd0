import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { JWK } from 'jose';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Public } from '../session/guards/access.decorators.js';
import { SigningKeyRing } from '../session/tokens/signing-key.ring.js';

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

/** The routes that a downstream service needs to verify augmented tokens by itself. */
@ApiTags('discovery')
@Controller('.well-known')
@Public()
export class WellKnownController {
  readonly #keys: SigningKeyRing;
  readonly #issuer: string;

  constructor(keys: SigningKeyRing, @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration) {
    this.#keys = keys;
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
    };
  }
}
