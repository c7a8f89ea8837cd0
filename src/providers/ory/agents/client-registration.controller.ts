import { Body, Controller, Inject, Post, Res, UseFilters } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { ApiProblems } from '../../../platform/http/openapi.decorators.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { RateLimited } from '../../../session/guards/rate-limited.decorator.js';
import { AgentClients } from './agent.clients.js';
import { ClientMetadataError, readClientMetadata } from './client.metadata.js';
import { RegistrationFilter } from './registration.filter.js';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const metadata = {
  client_name: text,
  redirect_uris: texts,
  grant_types: texts,
  response_types: texts,
  token_endpoint_auth_method: text,
};
const example = {
  client_name: 'Notes helper',
  redirect_uris: ['http://127.0.0.1:8091/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

/** The endpoint at which public clients register themselves (RFC 7591), where `DYNAMIC_REGISTRATION` is set. */
@ApiTags('auth')
@Controller('oauth2/register')
@UseFilters(RegistrationFilter)
export class ClientRegistrationController {
  readonly #clients: AgentClients;
  readonly #publicUrl: string;
  readonly #isOpen: boolean;

  constructor(clients: AgentClients, @Inject(CONFIGURATION) configuration: OryConfiguration) {
    this.#clients = clients;
    this.#publicUrl = configuration.PUBLIC_URL;
    this.#isOpen = configuration.DYNAMIC_REGISTRATION && configuration.PROTECTED_RESOURCES.length > 0;
  }

  @Post()
  @Public()
  @RateLimited('client-address', 'all')
  @ApiOperation({
    summary: 'Register a client (RFC 7591)',
    description:
      'For public clients of protected resources. Answers 404 unless `DYNAMIC_REGISTRATION` and `PROTECTED_RESOURCES` are set. Members that are unknown are ignored.',
  })
  @ApiBody({ schema: { type: 'object', required: ['redirect_uris'], properties: metadata, example } })
  @ApiResponse({
    status: 201,
    description: 'Registered, until it is out of use.',
    schema: {
      type: 'object',
      required: ['client_id', 'client_id_issued_at'],
      properties: { client_id: text, client_id_issued_at: { type: 'integer' }, ...metadata },
    },
  })
  @ApiResponse({
    status: 400,
    description: 'Refused: `error` is `invalid_redirect_uri` or `invalid_client_metadata`.',
    schema: { type: 'object', required: ['error'], properties: { error: text, error_description: text } },
  })
  @ApiProblems(
    'not_found',
    'overloaded',
    'provider_unavailable',
    'unsupported_media_type',
    'cross_site_request',
  )
  async register(
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readonly<Record<string, unknown>>> {
    if (!this.#isOpen) {
      throw new Problem('not_found', { reason: 'registration_off' });
    }
    void reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
    try {
      const read = readClientMetadata(body, this.#publicUrl);
      const { clientId, issuedAt } = await this.#clients.register(read);
      void reply.code(201);
      return {
        client_id: clientId,
        client_id_issued_at: Math.floor(issuedAt / 1000),
        ...(read.name === null ? {} : { client_name: read.name }),
        redirect_uris: read.redirectUris,
        grant_types: ['authorization_code', ...(read.refreshes ? ['refresh_token'] : [])],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      };
    } catch (error) {
      if (!(error instanceof ClientMetadataError)) {
        throw error;
      }
      void reply.code(400);
      return { error: error.code, error_description: error.message };
    }
  }
}
