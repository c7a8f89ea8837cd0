import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../../../platform/http/openapi.decorators.js';
import { HydraDiscovery, metadataHeaders } from '../hydra/hydra-discovery.js';
import { Public } from '../../../session/guards/access.decorators.js';

/** The discovery document of this deployment's login provider, at the address where clients look for it. */
@ApiTags('discovery')
@Controller('.well-known')
@Public()
export class OryDiscoveryController {
  constructor(private readonly discovery: HydraDiscovery) {}

  @Get('openid-configuration')
  @Header('cache-control', metadataHeaders['cache-control'])
  @Header('access-control-allow-origin', metadataHeaders['access-control-allow-origin'])
  @ApiOperation({
    summary: 'Get the metadata of the login provider (OpenID Connect Discovery 1.0)',
    description:
      'For clients that ask for a discovery URL: the metadata of Hydra, Ory’s OpenID provider, limited to what works in this deployment. Its `issuer`, which is also in ID tokens, is `PUBLIC_URL` + `/ory/hydra`: enter that where a client asks for an issuer. The gateway’s own tokens have another issuer: see `/.well-known/oauth-authorization-server`.',
  })
  @ApiResponse({
    status: 200,
    description: 'The metadata.',
    schema: {
      type: 'object',
      required: ['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri'],
      properties: {
        issuer: { type: 'string', format: 'uri', example: 'https://auth.example.org/ory/hydra' },
        authorization_endpoint: { type: 'string', format: 'uri' },
        token_endpoint: { type: 'string', format: 'uri' },
        jwks_uri: { type: 'string', format: 'uri' },
      },
    },
  })
  @ApiProblems('provider_unavailable')
  async configuration(): Promise<Readonly<Record<string, unknown>>> {
    return this.discovery.document();
  }
}
