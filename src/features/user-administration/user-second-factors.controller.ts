import { Param } from '@nestjs/common';
import { requireUserId } from '../../directory/users/user-directory.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { RequireAuthAge } from '../../session/guards/step-up.decorators.js';
import type { Caller } from '../../session/principal.js';
import { byAdministrator } from '../../accounts/actor-context.js';
import { SecondFactorReset } from './second-factor-reset.service.js';
import { recoveryAuthAge } from './user-access.schemas.js';

/** The route with which administrators reset the second factors of a user who has lost them. */
@ApiController('api/v1/users/:id/second-factors', {
  tag: 'users',
  role: 'admin',
  ids: { id: 'Id of the user.' },
  credentials: ['bearer', 'cookie'],
  problems: ['database_unavailable'],
})
export class UserSecondFactorsController {
  constructor(private readonly resets: SecondFactorReset) {}

  @ApiRoute('DELETE', '', {
    scope: 'users:write',
    summary: 'Reset a user’s second factors',
    description:
      'Removes the user’s authenticator app, security keys and backup codes, ends all their sessions here and at the provider, and notifies them by mail. Afterwards the password alone is enough to log in. The caller must have logged in within the last 5 minutes, so API keys can’t call this. Works only with Ory as the login provider: with Auth0 or another OpenID provider it returns 403. Returns 409 for a service account, or for yourself: another administrator or the operator must do it.',
    answer: { description: 'Reset.' },
    problems: ['not_found', 'conflict', 'provider_unavailable'],
  })
  @RequireAuthAge(recoveryAuthAge)
  async reset(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.resets.reset(requireUserId(id), byAdministrator(caller));
  }
}
