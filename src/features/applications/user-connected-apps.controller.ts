import { Param } from '@nestjs/common';
import type { z } from 'zod';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import type { Caller } from '../../session/principal.js';
import { connectedAppListSchema } from './connected-app.schemas.js';
import { ConnectedAppsService } from './connected-apps.service.js';

/** The routes with which administrators see what a user has allowed applications, and revoke it. */
@ApiController('api/v1/users/:id/connected-apps', {
  tag: 'users',
  role: 'admin',
  ids: { id: 'Id of the user.' },
  problems: ['not_found', 'provider_unavailable', 'database_unavailable'],
})
export class UserConnectedAppsController {
  constructor(
    private readonly directory: UserDirectory,
    private readonly apps: ConnectedAppsService,
  ) {}

  @ApiRoute('GET', '', {
    scope: 'users:read',
    summary: 'List a user’s connected apps',
    description: 'Applications to which the user has granted access to their account.',
    answer: { description: 'All connected apps.', schema: connectedAppListSchema },
  })
  async list(@Param('id') id: string): Promise<z.output<typeof connectedAppListSchema>> {
    const user = await this.directory.require(id);
    return { items: await this.apps.listOf(user.id), nextCursor: null };
  }

  @ApiRoute('DELETE', ':applicationId', {
    scope: 'users:write',
    summary: 'Revoke an application’s access to a user’s account',
    description:
      'The application’s access tokens and refresh tokens are refused at once. The user can grant access again; to prevent that, change who may log in to the application.',
    texts: { applicationId: 'Id of the application: its `client_id`.' },
    answer: { description: 'Revoked.' },
  })
  async revoke(
    @Param('id') id: string,
    @Param('applicationId') applicationId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    const user = await this.directory.require(id);
    await this.apps.revoke(caller, user.id, applicationId);
  }
}
