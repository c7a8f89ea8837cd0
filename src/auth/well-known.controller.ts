import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { JWK } from 'jose';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Public } from '../session/access.decorators.js';
import { SigningKeyRing } from '../session/signing-key.ring.js';

/** Seconds for which others may keep the keys: a key that was revoked is believed this much longer there. */
const maxAge = 60;

/** What a downstream service needs to verify augmented tokens by itself. */
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
  @ApiOperation({ summary: 'Public keys of the augmented token (JWK Set, RFC 7517)' })
  @ApiResponse({
    status: 200,
    description: 'The key set.',
    schema: { type: 'object', properties: { keys: { type: 'array', items: { type: 'object' } } } },
  })
  jwks(): { keys: JWK[] } {
    return this.#keys.jwks();
  }

  @Get('oauth-authorization-server')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @Header('access-control-allow-origin', '*')
  @ApiOperation({ summary: 'Metadata of the augmented token’s issuer (RFC 8414)' })
  @ApiResponse({ status: 200, description: 'The metadata.', schema: { type: 'object' } })
  metadata(): Record<string, unknown> {
    return {
      issuer: this.#issuer,
      jwks_uri: `${this.#issuer}/.well-known/jwks.json`,
      token_endpoint: `${this.#issuer}/auth/token`,
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange'],
      response_types_supported: [],
      service_documentation: `${this.#issuer}/docs`,
    };
  }
}
