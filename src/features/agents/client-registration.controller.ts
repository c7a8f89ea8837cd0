import { Body, Controller, Inject, Post, Res, UseFilters } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { knownNativeUris } from '../../auth-strategy/redirect-uri.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { ApiProblems } from '../../platform/http/openapi.decorators.js';
import { UnreadableAs } from '../../platform/http/unreadable-body.js';
import { Public } from '../../session/guards/access.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import { AuthorizationServer } from '../../session/discovery/authorization-server.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import { AgentClients } from './agent-clients.js';
import { type AgentSettings, agentSettings } from './agent.settings.js';
import { ClientMetadataError, type ClientRules, readClientMetadata } from './client-metadata.js';
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
  readonly #rules: ClientRules;
  readonly #isOn: boolean;

  constructor(
    private readonly clients: AgentClients,
    private readonly resources: ResourceRegistry,
    server: AuthorizationServer,
    @Inject(CONFIGURATION) { PUBLIC_URL }: OryConfiguration,
    @Inject(agentSettings.token) { AGENT_REDIRECT_URIS, DYNAMIC_REGISTRATION }: AgentSettings,
  ) {
    this.#rules = {
      publicUrl: PUBLIC_URL,
      nativeUris: [...knownNativeUris, ...AGENT_REDIRECT_URIS],
      // RFC 7591 section 3.2.1: the answer states what was registered in the place of what was asked for.
      mayAskForSecret: true,
    };
    this.#isOn = DYNAMIC_REGISTRATION;
    server.add(() => (this.#isOpen ? { registration_endpoint: `${PUBLIC_URL}/oauth2/register` } : {}));
  }

  /** Whether clients can register themselves: there is something that they can get. */
  get #isOpen(): boolean {
    return this.#isOn && !this.resources.isEmpty;
  }

  @Post()
  @UnreadableAs((description) => ({ error: 'invalid_client_metadata', error_description: description }))
  @Public()
  @RateLimited('client-address', 'all')
  @ApiOperation({
    summary: 'Register a client (RFC 7591)',
    description:
      'Lets public clients of protected resources register themselves. Returns 404 unless `DYNAMIC_REGISTRATION` and `PROTECTED_RESOURCES` are set. Unknown properties are ignored. A client that asks for a secret is registered without one, and the response says so (`token_endpoint_auth_method`: `none`).',
  })
  @ApiBody({ schema: { type: 'object', required: ['redirect_uris'], properties: metadata, example } })
  @ApiResponse({
    status: 201,
    description:
      'Registered. The client is removed if no user allows it within a day, or after 90 days without use.',
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
      const read = readClientMetadata(body, this.#rules);
      const { clientId, issuedAt } = await this.clients.register(read);
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
