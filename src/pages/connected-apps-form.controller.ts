import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppRevocation } from './app-revocation.js';

/** The forms of the account page's list of connected apps. */
@ApiExcludeController()
@Controller('account/connected-apps')
export class ConnectedAppsFormController {
  constructor(private readonly revocation: AppRevocation) {}

  @Post(':id/revoke')
  async revoke(
    @Param('id') applicationId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.revocation.revoke(request, reply, { list: '/api/v1/me/connected-apps', applicationId }, '/');
  }
}
