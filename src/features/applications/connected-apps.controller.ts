import { Param } from '@nestjs/common';
import type { z } from 'zod';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import type { Caller, Principal } from '../../session/principal.js';
import { connectedAppListSchema } from './connected-app.schemas.js';
import { ConnectedAppsService } from './connected-apps.service.js';

/** The routes with which users see what they have allowed applications, and revoke it. */
@ApiController('api/v1/me/connected-apps', {
  tag: 'account',
  problems: ['provider_unavailable', 'database_unavailable'],
})
export class ConnectedAppsController {
  constructor(private readonly apps: ConnectedAppsService) {}

  @ApiRoute('GET', '', {
    scope: 'profile:read',
    summary: 'List my connected apps',
    description:
      'Applications to which the caller has granted access to their account. First-party applications aren’t listed, because users aren’t asked for consent to them.',
    answer: { description: 'All connected apps.', schema: connectedAppListSchema },
  })
  async list(@CurrentUser() { claims }: Principal): Promise<z.output<typeof connectedAppListSchema>> {
    return { items: await this.apps.listOf(claims.sub), nextCursor: null };
  }

  @ApiRoute('DELETE', ':applicationId', {
    scope: 'profile:write',
    summary: 'Revoke an application’s access to my account',
    description:
      'The application’s access tokens and refresh tokens are refused at once, and its next login asks for consent again. A session that the application itself keeps may go on until it next refreshes its tokens.',
    texts: { applicationId: 'Id of the application: its `client_id`.' },
    answer: { description: 'Revoked.' },
    problems: ['not_found'],
  })
  async revoke(@Param('applicationId') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.apps.revoke(caller, caller.principal.claims.sub, id);
  }
}
