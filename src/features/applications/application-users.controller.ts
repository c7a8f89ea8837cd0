import { Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { applicationUserListSchema } from './connected-app.schemas.js';
import { ConnectedAppsService } from './connected-apps.service.js';

/** The route with which administrators see who uses an application. */
@ApiController('api/v1/applications/:id/users', {
  tag: 'applications',
  role: 'admin',
  ids: { id: 'Id of the application: its `client_id`.' },
  problems: ['not_found', 'provider_unavailable', 'database_unavailable'],
})
export class ApplicationUsersController {
  constructor(private readonly apps: ConnectedAppsService) {}

  @ApiRoute('GET', '', {
    scope: 'users:read',
    summary: 'List the users of an application',
    description:
      'Users who have logged in to the application and whose access hasn’t been revoked since. Works for first-party applications too.',
    answer: { description: 'One page of users.', schema: applicationUserListSchema },
  })
  async list(
    @Param('id') id: string,
    @Query({ schema: pageQuerySchema }) page: PageQuery,
  ): Promise<z.output<typeof applicationUserListSchema>> {
    return this.apps.usersOf(id, page);
  }
}
