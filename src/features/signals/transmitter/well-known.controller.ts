import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { maxAge, metadataProperties } from '../../../session/discovery/well-known.controller.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { deliveryMethods } from './signal.schemas.js';

/** The route by which receivers find out where to create their streams. */
@ApiTags('discovery')
@Controller('.well-known')
@Public()
export class WellKnownController {
  readonly #issuer: string;

  constructor(@Inject(CONFIGURATION) { PUBLIC_URL }: Configuration) {
    this.#issuer = PUBLIC_URL;
  }

  @Get('ssf-configuration')
  @Header('cache-control', `public, max-age=${maxAge}`)
  @ApiOperation({
    summary: 'Get the metadata of the security event transmitter (OpenID Shared Signals Framework 1.0)',
    description: 'Tells receivers where to create their streams.',
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
