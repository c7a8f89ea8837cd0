import { Header, Param } from '@nestjs/common';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { z } from 'zod';
import { CurrentCaller } from '../../session/guards/caller.decorator.js';
import { ApiController, ApiRoute } from '../../session/guards/api.route.js';
import type { Caller } from '../../session/principal.js';
import { RequireAuthAge } from '../../session/guards/step-up.decorators.js';
import { recoveryAuthAge, recoveryCodeSchema } from './user-access.schemas.js';
import { requireUserId } from '../../directory/users/user.directory.js';
import { AccountRecovery } from '../account-recovery.service.js';
import { byAdministrator } from '../actor.context.js';

/** The route with which administrators create a recovery code for a user who gets no mail. */
@ApiController('api/v1/users/:id/recovery', {
  tag: 'users',
  role: 'admin',
  ids: { id: 'Id of the user.' },
  credentials: ['bearer', 'cookie'],
  problems: ['database_unavailable'],
})
export class UserRecoveryController {
  readonly #recovery: AccountRecovery;

  constructor(recovery: AccountRecovery) {
    this.#recovery = recovery;
  }

  @ApiRoute('POST', '', {
    scope: 'users:write',
    summary: 'Make a recovery code for a user',
    description:
      'For places without mail: hand the person the link and, by another way, the code. They open the link, enter the code, and are logged in to choose a new password; a second factor that they have is still asked for. Needs a login within the last 5 minutes, which no API key has. Only where Ory is the provider: at Auth0 and OpenID providers it is 403. 409 for a user who is disabled, for service accounts, and for oneself: that is what the settings are for.',
    answer: { status: 201, description: 'Made; shown once.', schema: recoveryCodeSchema },
    problems: ['not_found', 'conflict', 'provider_unavailable'],
  })
  @RequireAuthAge(recoveryAuthAge)
  @Header('cache-control', 'no-store')
  async create(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<z.output<typeof recoveryCodeSchema>> {
    const act = byAdministrator(caller);
    const { code, url, expiresAt } = await this.#recovery.createCode(requireUserId(id), act);
    return { code, url, expiresAt: toTimestamp(expiresAt) };
  }
}
