import { Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import { keyListSchema } from '../../api-keys/api-key.schemas.js';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller } from '../../session/principal.js';
import { UserDirectory, requireUserId } from '../../directory/users/user-directory.js';

/** The routes with which administrators list and revoke a user's own API keys. */
@ApiController('api/v1/users/:id/api-keys', {
  tag: 'users',
  role: 'admin',
  ids: { id: 'Id of the user.' },
  problems: ['database_unavailable'],
})
export class UserKeysController {
  constructor(
    private readonly directory: UserDirectory,
    private readonly keys: ApiKeysService,
  ) {}

  @ApiRoute('GET', '', {
    scope: 'users:read',
    summary: 'List a user’s API keys',
    description:
      'Oldest first. Revoked keys aren’t listed. An organisation’s keys are at `GET /api/v1/orgs/{id}/api-keys`.',
    answer: { description: 'One page of API keys.', schema: keyListSchema },
    problems: ['not_found'],
  })
  async list(
    @Param('id') id: string,
    @Query({ schema: pageQuerySchema }) page: PageQuery,
  ): Promise<z.output<typeof keyListSchema>> {
    const user = await this.directory.require(id);
    return this.keys.list({ userId: user.id }, page);
  }

  @ApiRoute('DELETE', ':keyId', {
    scope: 'users:write',
    summary: 'Revoke one of a user’s API keys',
    description:
      'The key, the keys that it created (also those of organisations) and all tokens exchanged for them are refused at once. The service accounts of organisations’ keys among them are disabled.',
    ids: { keyId: 'Id of the API key.' },
    answer: { description: 'Revoked.' },
    problems: ['not_found'],
  })
  async revoke(
    @Param('id') id: string,
    @Param('keyId') keyId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.keys.revoke(caller, { userId: requireUserId(id) }, keyId);
  }
}
