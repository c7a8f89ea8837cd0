import { Header, Param } from '@nestjs/common';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { z } from 'zod';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller } from '../../session/principal.js';
import { RequireAuthAge } from '../../session/guards/step-up.decorators.js';
import { recoveryAuthAge, recoveryCodeSchema } from './user-access.schemas.js';
import { requireUserId } from '../../directory/users/user-directory.js';
import { AccountRecovery } from './account-recovery.service.js';
import { byAdministrator } from '../../accounts/actor-context.js';

/** The route with which administrators create a recovery code for a user who gets no mail. */
@ApiController('api/v1/users/:id/recovery', {
  tag: 'users',
  role: 'admin',
  ids: { id: 'Id of the user.' },
  credentials: ['bearer', 'cookie'],
  problems: ['database_unavailable'],
})
export class UserRecoveryController {
  constructor(private readonly recovery: AccountRecovery) {}

  @ApiRoute('POST', '', {
    scope: 'users:write',
    summary: 'Create a recovery code for a user',
    description:
      'For deployments without mail. Give the user the link and, through another channel, the code. They open the link, enter the code, and are logged in to choose a new password; a second factor is still required if they have one. The caller must have logged in within the last 5 minutes, so API keys can’t call this. Works only with Ory as the login provider: with Auth0 or another OpenID provider it returns 403. Returns 409 for a disabled user, a service account, or yourself (use the account settings instead).',
    answer: {
      status: 201,
      description: 'Created. The code is shown only in this response.',
      schema: recoveryCodeSchema,
    },
    problems: ['not_found', 'conflict', 'provider_unavailable'],
  })
  @RequireAuthAge(recoveryAuthAge)
  @Header('cache-control', 'no-store')
  async create(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<z.output<typeof recoveryCodeSchema>> {
    const act = byAdministrator(caller);
    const { code, url, expiresAt } = await this.recovery.createCode(requireUserId(id), act);
    return { code, url, expiresAt: toTimestamp(expiresAt) };
  }
}
