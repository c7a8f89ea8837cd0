import { Body, Controller, HttpCode, Logger, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { receiveLogout } from '../../login/backchannel-logout.controller.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { clientInfoOf } from '../../platform/http/client-info.js';
import { UnreadableAs, asOAuthError } from '../../platform/http/unreadable-body.js';
import { Public } from '../../session/guards/access.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import { ConnectionLogouts } from './connection-logouts.js';
import { Connections } from './connections.js';

/** The endpoint where a company's provider reports that a user was logged out there (OpenID Connect Back-Channel Logout 1.0). */
@ApiExcludeController()
@Controller('auth/connections')
export class ConnectionLogoutController {
  readonly #logger = new Logger(ConnectionLogoutController.name);

  constructor(
    private readonly connections: Connections,
    private readonly logouts: ConnectionLogouts,
  ) {}

  @Post(':id/backchannel-logout')
  @UnreadableAs(asOAuthError)
  @HttpCode(200)
  @Public()
  @RateLimited('logout-address')
  async logout(
    @Param('id') id: string,
    @Body() form: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const connection = await this.connections.find(id);
    if (connection?.by !== 'redirect') {
      throw new Problem('not_found', { reason: 'connection_unknown' });
    }
    const { provider } = connection;
    return receiveLogout(
      { form, request, reply, logger: this.#logger, about: { connection: id } },
      async (token) => this.logouts.end(id, await provider.verifyLogoutToken(token), clientInfoOf(request)),
    );
  }
}
