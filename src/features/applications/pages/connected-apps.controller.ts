import { Controller, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { RequireRole } from '../../../session/guards/access.decorators.js';
import { ConnectedAppsPages } from './connected-apps.pages.js';

/** The forms of the account page's list of connected apps. */
@ApiExcludeController()
@Controller('account/connected-apps')
export class OwnConnectedAppsController {
  constructor(private readonly apps: ConnectedAppsPages) {}

  @Post(':id/revoke')
  async revoke(@Param('id') applicationId: string, @Res() reply: FastifyReply): Promise<void> {
    await this.apps.revoke(reply, applicationId);
  }
}

/** The forms of a user's list of connected apps, in the administration. */
@ApiExcludeController()
@Controller('admin/users/:id/connected-apps')
@RequireRole('admin')
export class AdminConnectedAppsController {
  constructor(private readonly apps: ConnectedAppsPages) {}

  @Post(':applicationId/revoke')
  async revoke(
    @Param('id') id: string,
    @Param('applicationId') applicationId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.apps.revoke(reply, applicationId, id);
  }
}
