import { Body, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller, Principal } from '../../session/principal.js';
import { createdOrgKeySchema, orgKeyBodySchema, orgKeyListSchema } from './org-api-keys.schemas.js';
import { OrgApiKeysService } from './org-api-keys.service.js';

/** The routes that manage an organisation's API keys. Each key has a service account of its own. */
@ApiController('api/v1/orgs/:id/api-keys', {
  tag: 'api keys',
  ids: { id: 'Id of the organisation.' },
  problems: ['reauthentication_required'],
})
export class OrgApiKeysController {
  constructor(private readonly keys: OrgApiKeysService) {}

  @ApiRoute('POST', '', {
    scope: 'keys:write',
    recentLogin: true,
    summary: 'Create an API key for an organisation',
    description:
      'For owners and admins. The key acts as a service account that belongs only to this organisation. The key itself is shown only in this response.',
    answer: { status: 201, description: 'Created.', schema: createdOrgKeySchema },
    problems: ['forbidden', 'not_found', 'conflict'],
  })
  async create(
    @Param('id') orgId: string,
    @Body({ schema: orgKeyBodySchema }) body: z.output<typeof orgKeyBodySchema>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdOrgKeySchema>> {
    const { role, ...input } = body;
    const { id, created } = await this.keys.create(caller, orgId, { input, role });
    void reply.header('location', `/api/v1/orgs/${id}/api-keys/${created.id}`);
    return { ...created, role };
  }

  @ApiRoute('GET', '', {
    scope: 'keys:read',
    summary: 'List an organisation’s API keys',
    description: 'For owners and admins. Oldest first. Revoked keys aren’t listed.',
    answer: { description: 'One page of API keys.', schema: orgKeyListSchema },
    problems: ['forbidden', 'not_found'],
  })
  async list(
    @Param('id') orgId: string,
    @Query({ schema: pageQuerySchema }) page: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof orgKeyListSchema>> {
    return orgKeyListSchema.parse(await this.keys.list(principal, orgId, page));
  }

  @ApiRoute('DELETE', ':keyId', {
    scope: 'keys:write',
    summary: 'Revoke an organisation’s API key',
    description:
      'For owners and admins. The key and the keys that it created are refused at once, and their service accounts are disabled.',
    ids: { keyId: 'Id of the API key.' },
    answer: { description: 'Revoked.' },
    problems: ['forbidden', 'not_found'],
  })
  async revoke(
    @Param('id') orgId: string,
    @Param('keyId') keyId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.keys.revoke(caller, orgId, keyId);
  }
}
