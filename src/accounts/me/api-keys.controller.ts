import { Body, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { createdKeySchema, keyBodySchema, keyListSchema } from '../../api-keys/api-key.schemas.js';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller, Principal } from '../../session/principal.js';

/** The routes that manage the caller's own API keys. */
@ApiController('api/v1/api-keys', { tag: 'api keys' })
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @ApiRoute('POST', '', {
    scope: 'keys:write',
    recentLogin: true,
    summary: 'Create an API key',
    description:
      'The key acts as the caller, within its scope. The key itself is shown only in this response. A key can’t have more scope than the credential that creates it.',
    answer: { status: 201, description: 'Created.', schema: createdKeySchema },
    problems: ['forbidden', 'conflict'],
  })
  async create(
    @Body({ schema: keyBodySchema }) body: z.output<typeof keyBodySchema>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdKeySchema>> {
    const created = await this.keys.create(caller, body);
    void reply.header('location', `/api/v1/api-keys/${created.id}`);
    return created;
  }

  @ApiRoute('GET', '', {
    scope: 'keys:read',
    summary: 'List my API keys',
    description: 'Oldest first. Revoked keys aren’t listed.',
    answer: { description: 'One page of API keys.', schema: keyListSchema },
    problems: ['database_unavailable'],
  })
  async list(
    @Query({ schema: pageQuerySchema }) page: PageQuery,
    @CurrentUser() { claims }: Principal,
  ): Promise<z.output<typeof keyListSchema>> {
    return this.keys.list({ userId: claims.sub }, page);
  }

  @ApiRoute('DELETE', ':id', {
    scope: 'keys:write',
    summary: 'Revoke one of my API keys',
    description:
      'The key, the keys that it created (also those of organisations, even if the caller has lost their role there) and all tokens exchanged for them are refused at once. The service accounts of organisations’ keys among them are disabled. A credential that may not revoke the keys of one of these organisations, such as a key that is bound to another one, revokes nothing.',
    ids: { id: 'Id of the API key.' },
    answer: { description: 'Revoked.' },
    problems: ['forbidden', 'not_found'],
  })
  async revoke(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.keys.revoke(caller, { userId: caller.principal.claims.sub }, id);
  }
}
